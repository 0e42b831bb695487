import { Injectable } from '@nestjs/common';
import type { CanActivate } from '@nestjs/common';
import { NotFoundError } from '../common/errors.js';
import { AppConfig } from '../config/config.js';

/** Admits requests only if the operator has enabled the simulator. */
@Injectable()
export class SimulatorSwitch implements CanActivate {
  constructor(private readonly config: AppConfig) {}

  canActivate(): boolean {
    if (this.config.simulator) return true;
    throw new NotFoundError('The simulator is switched off: start the server with SIMULATOR=true');
  }
}
