import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { Clock } from '../../common/clock.js';
import { Rollouts } from './rollouts.js';
import { RolloutSamples } from '../store/rollout-samples.js';
import { UpdateLimits } from '../updates/update-limits.js';

/** Runs the work of rollouts that is due by time. */
@Injectable()
export class RolloutScheduler implements OnApplicationBootstrap {
  constructor(
    private readonly rollouts: Rollouts,
    private readonly limits: UpdateLimits,
    private readonly samples: RolloutSamples,
    private readonly clock: Clock,
  ) {}

  /** Runs what fell due while the server was down, without waiting for the first tick. */
  async onApplicationBootstrap(): Promise<void> {
    await this.activateDue();
    await this.failStuck();
  }

  @Cron(CronExpression.EVERY_5_SECONDS, { waitForCompletion: true })
  activateDue(): Promise<void> {
    return this.rollouts.activateDue(this.clock.now());
  }

  @Cron(CronExpression.EVERY_30_SECONDS, { waitForCompletion: true })
  failStuck(): Promise<void> {
    return this.limits.check();
  }

  @Cron(CronExpression.EVERY_5_SECONDS, { waitForCompletion: true })
  sample(): Promise<void> {
    return this.samples.take(this.clock.now());
  }
}
