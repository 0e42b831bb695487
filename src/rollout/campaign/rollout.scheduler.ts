import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { Clock } from '../../common/clock.js';
import { UnavailableError } from '../../common/errors.js';
import { Repeats } from '../../common/limits/repeats.js';
import { Rollouts } from './rollouts.js';
import { RolloutSamples } from '../store/rollout-samples.js';
import { UpdateLimits } from '../updates/update-limits.js';

/** Runs the work of rollouts that is due by time. What fails is tried again with the next tick. */
@Injectable()
export class RolloutScheduler implements OnApplicationBootstrap {
  private readonly logger = new Logger('Scheduler');
  private readonly failures = new Repeats();

  constructor(
    private readonly rollouts: Rollouts,
    private readonly limits: UpdateLimits,
    private readonly samples: RolloutSamples,
    private readonly clock: Clock,
  ) {}

  /** Runs what fell due while the server was down, without waiting for the first tick. */
  async onApplicationBootstrap(): Promise<void> {
    await this.rollouts.activateDue(this.clock.now());
    await this.limits.check();
  }

  @Cron(CronExpression.EVERY_5_SECONDS, { waitForCompletion: true })
  activateDue(): Promise<void> {
    return this.attempt(() => this.rollouts.activateDue(this.clock.now()));
  }

  @Cron(CronExpression.EVERY_30_SECONDS, { waitForCompletion: true })
  failStuck(): Promise<void> {
    return this.attempt(() => this.limits.check());
  }

  @Cron(CronExpression.EVERY_5_SECONDS, { waitForCompletion: true })
  sample(): Promise<void> {
    return this.attempt(() => this.samples.take(this.clock.now()));
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // An unavailable server is logged already, and one that stops is no failure.
      if (error instanceof UnavailableError) return;
      this.failures.run(String(error), () =>
        this.logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error)),
      );
    }
  }
}
