import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/transaction.js';
import { PrinterCounts } from '../../printer/counts/printer-counts.js';
import { isListed, mayMoveBack, mightMoveBack } from '../rules/targeting.js';
import type { RolloutRule } from '../rules/targeting.js';
import { servedOf } from '../store/cancelled-pending.js';
import { FleetWalk } from '../store/fleet-walk.js';
import { PendingTargets, isTarget } from './pending-targets.js';
import { RolloutDeltas } from './plan/counters.js';
import { RolloutProgress } from './rollout-progress.js';
import type { RuleSet } from '../store/rule-set.js';
import type { Sql } from '../../database/sql.js';

/**
 * Updates the pending counts of older rollouts: only the newest rollout that names a printer may move it to an older version, so a rollout
 * that starts or stops naming printers affects older ones.
 */
@Injectable()
export class Superseding {
  constructor(
    private readonly printerCounts: PrinterCounts,
    private readonly walk: FleetWalk,
    private readonly pending: PendingTargets,
    private readonly progress: RolloutProgress,
  ) {}

  /**
   * Call this after rollouts were created, activated, cancelled or deleted, in the same transaction.
   *
   * @param changed the rules of these rollouts, before or after the change
   */
  async changed(
    tx: Transaction,
    before: RuleSet,
    after: RuleSet,
    changed: readonly RolloutRule[],
  ): Promise<void> {
    const older = await this.concerned(tx.sql, before, after, changed);
    const byLists = older.filter(({ id }) => changed.every((rule) => rule.id < id || isListed(rule)));
    for (const rule of older) if (!byLists.includes(rule)) await this.pending.recount(tx, rule.id);
    if (byLists.length > 0) await this.followLists(tx, before, after, changed.filter(isListed), byLists);
  }

  /** The older rollouts that could move printers to an older version. Usually there are none, so nothing is counted. */
  private async concerned(
    sql: Sql,
    before: RuleSet,
    after: RuleSet,
    changed: readonly RolloutRule[],
  ): Promise<RolloutRule[]> {
    const newest = Math.max(...changed.map(({ id }) => id));
    const older = after.rules.filter(
      (rule) =>
        rule.id < newest && before.get(rule.id) !== undefined && !changed.some(({ id }) => id === rule.id),
    );
    if (older.length === 0) return [];
    const running = (await this.printerCounts.versions(sql)).map(({ versionKey, versionRolloutId }) => ({
      versionKey,
      newestWhenCancelled: after.newestWhenCancelled(versionRolloutId),
    }));
    return older.filter((rule) => running.some((one) => mightMoveBack(one, rule) && mayMoveBack(one, rule)));
  }

  /** Looks at the printers that the changed rollouts list one by one, however many others there are. */
  private async followLists(
    tx: Transaction,
    before: RuleSet,
    after: RuleSet,
    changed: readonly RolloutRule[],
    older: readonly RolloutRule[],
  ): Promise<void> {
    const deltas = new RolloutDeltas(after);
    for await (const printers of this.walk.listed(tx.sql, changed))
      for (const rule of older) {
        const affected = printers.filter(
          (printer) => isTarget(before, printer, rule) !== isTarget(after, printer, rule),
        );
        const served = await servedOf(tx.sql, rule.id, affected);
        for (const printer of affected)
          if (!served.has(printer.id))
            deltas.addPending(rule.id, printer.bucket, isTarget(after, printer, rule) ? 1 : -1);
      }
    await this.progress.add(tx, deltas);
  }
}
