import { Injectable } from '@nestjs/common';
import type { CanActivate } from '@nestjs/common';
import { NotFoundError } from '../common/errors.js';
import { AppConfig } from '../config/config.js';

/** Lets requests through where the operator has asked for a simulator. */
@Injectable()
export class SimulatorSwitch implements CanActivate {
  constructor(private readonly config: AppConfig) {}

  canActivate(): boolean {
    if (this.config.simulator) return true;
    throw new NotFoundError('The simulator is switched off: start the server with SIMULATOR=true');
  }
}
