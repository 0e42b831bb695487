import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { AppConfig } from '../../config/config.js';
import type { Transaction } from '../../database/transaction.js';
import { RolloutRules } from '../store/rollout-rules.js';
import { ServiceTime } from '../store/service-time.js';
import type { PlanContext } from './plan/context.js';

/** What plans depend on besides the printers, at the moment. */
@Injectable()
export class PlanContexts {
  constructor(
    private readonly rules: RolloutRules,
    private readonly serviceTime: ServiceTime,
    private readonly clock: Clock,
    private readonly config: AppConfig,
  ) {}

  /** The context of a plan in this transaction. */
  async of(tx: Transaction): Promise<PlanContext> {
    return {
      rules: await this.rules.current(tx),
      now: this.clock.now(),
      serviceTime: this.serviceTime.now(),
      policy: this.config,
    };
  }
}
