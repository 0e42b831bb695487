import { Injectable, Logger } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import type { Transaction } from '../database/unit-of-work.js';
import { Printer } from '../printer/printer.entity.js';
import type { UpdateStatus } from './domain/state.js';
import type { RolloutRule } from './domain/targeting.js';
import { RolloutRules } from './rollout-rules.js';
import { Rollout } from './rollout.entity.js';
import { pendingCondition } from './target-condition.js';

/** The column that counts the updates in each state. */
const COUNTERS = {
  in_progress: 'inProgressCount',
  completed: 'completedCount',
  failed: 'failedCount',
  declined: 'declinedCount',
} as const satisfies Record<UpdateStatus, keyof Rollout>;

/** How far a rollout has come: its counters, and whether it is completed. */
@Injectable()
export class RolloutProgress {
  private readonly logger = new Logger('Rollout');

  constructor(private readonly rules: RolloutRules) {}

  /** Adds to the counter of a state; to be called in the transaction that changes the updates. */
  async count(tx: Transaction, rolloutId: number, status: UpdateStatus, by: number): Promise<void> {
    if (by !== 0) await tx.em.increment(Rollout, { id: rolloutId }, COUNTERS[status], by);
  }

  /** One printer that was pending when the rollout was cancelled turns out to have the update. */
  async noLongerPendingAtCancel(tx: Transaction, rolloutId: number): Promise<void> {
    await tx.em.decrement(Rollout, { id: rolloutId, pendingAtCancel: MoreThan(0) }, 'pendingAtCancel', 1);
  }

  /** How many targets a rollout has sent nothing to; of a cancelled one, how many there were at that moment. */
  async pending(tx: Transaction, rollout: Rollout): Promise<number> {
    if (rollout.pendingAtCancel !== null) return rollout.pendingAtCancel;
    const rule = (await this.rules.current(tx)).get(rollout.id);
    return rule ? pendingPrinters(tx, rule).getCount() : 0;
  }

  /**
   * Moves rollouts between active and completed: completed at 100 %, with at least one target, none pending and none
   * in progress (decisions, "A rollout's life"). To be called after every change that may bear on it.
   */
  async settle(tx: Transaction, rolloutIds: Iterable<number>): Promise<void> {
    for (const id of new Set(rolloutIds)) {
      const rule = (await this.rules.current(tx)).get(id);
      if (!rule || (rule.status !== 'active' && rule.status !== 'completed')) continue;
      const status = (await this.isCompleted(tx, rule)) ? 'completed' : 'active';
      if (status === rule.status) continue;
      await tx.em.update(Rollout, { id, status: rule.status }, { status });
      this.rules.forget();
      tx.afterCommit(() => this.logger.log(`Rollout ${id} of ${rule.version} is ${status}`));
    }
  }

  private async isCompleted(tx: Transaction, rule: RolloutRule): Promise<boolean> {
    if (rule.percentage < 100) return false;
    const rollout = await tx.em.findOneByOrFail(Rollout, { id: rule.id });
    const ended = rollout.completedCount + rollout.failedCount + rollout.declinedCount;
    if (ended === 0 || rollout.inProgressCount > 0) return false;
    return !(await pendingPrinters(tx, rule).getExists());
  }
}

function pendingPrinters(tx: Transaction, rule: RolloutRule): ReturnType<typeof pendingCondition<Printer>> {
  return pendingCondition(tx.em.createQueryBuilder(Printer, 'p'), rule);
}
