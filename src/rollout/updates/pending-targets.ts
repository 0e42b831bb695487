import { Injectable } from '@nestjs/common';
import { BUCKETS } from '../../common/bucket.js';
import { Database } from '../../database/database.js';
import type { Table } from '../../database/table.js';
import type { Transaction } from '../../database/transaction.js';
import { Printer } from '../../printer/printer.entity.js';
import { isListed, mightMoveBack, targetRefusal } from '../rules/targeting.js';
import type { RolloutRule } from '../rules/targeting.js';
import { FleetWalk, withoutName } from '../store/fleet-walk.js';
import { PendingBuckets } from '../store/pending-buckets.js';
import { RolloutProgress } from './rollout-progress.js';
import { RolloutRules } from '../store/rollout-rules.js';
import type { PrinterKind, RuleSet } from '../store/rule-set.js';
import type { Sql } from '../../database/sql.js';

// Printers per statement.
const SLICE = 500;

/**
 * Counts the pending targets of a rollout. That is needed when the rollout is created, when its builds change, and when a newer rollout may
 * overrule it; otherwise `RolloutDeltas` keeps the count right.
 */
@Injectable()
export class PendingTargets {
  private readonly printers: Table<Printer>;

  constructor(
    database: Database,
    private readonly rules: RolloutRules,
    private readonly progress: RolloutProgress,
    private readonly walk: FleetWalk,
    private readonly buckets: PendingBuckets,
  ) {
    this.printers = database.table(Printer);
  }

  /** Counts all pending targets of a rollout again. */
  async recount(tx: Transaction, rolloutId: number): Promise<void> {
    const rules = await this.rules.current(tx);
    const rule = rules.get(rolloutId);
    if (rule === undefined) return;
    const pending = new Array<number>(BUCKETS).fill(0);
    await this.countTargets(tx.sql, rules, rule, (bucket, by) => add(pending, bucket, by));
    await this.countServedTargets(tx.sql, rules, rule, (bucket) => add(pending, bucket, -1));
    const sum = pending.reduce((total, count) => total + count, 0);
    await tx.sql.run('UPDATE rollout SET pending_count = ? WHERE id = ?', sum, rolloutId);
    await this.buckets.set(tx.sql, rolloutId, pending);
    await this.progress.settle(tx, [rolloutId]);
  }

  private async countTargets(
    sql: Sql,
    rules: RuleSet,
    rule: RolloutRule,
    count: (bucket: number, by: number) => void,
  ): Promise<void> {
    let movedBack = 0;
    for await (const named of this.walk.named(sql, rule))
      for (const { printer, buckets } of named) {
        if (!isTarget(rules, printer, rule)) continue;
        for (const [bucket, printers] of buckets) {
          count(bucket, printers);
          if (mightMoveBack(printer, rule)) movedBack += printers;
        }
      }
    if (movedBack === 0 || isListed(rule)) return;
    // Counting by kind ignores which printers a newer rollout lists; those are not moved back.
    const newer = rules.rules.filter((one) => one.id > rule.id && isListed(one));
    for await (const printers of this.walk.listed(sql, newer))
      for (const printer of printers)
        if (isTarget(rules, withoutName(printer), rule) && !isTarget(rules, printer, rule))
          count(printer.bucket, -1);
  }

  /** Targets of a rollout that already have an update of it. */
  private async countServedTargets(
    sql: Sql,
    rules: RuleSet,
    rule: RolloutRule,
    count: (bucket: number) => void,
  ): Promise<void> {
    let after = 0;
    for (;;) {
      const printers = await this.printers.select(
        sql,
        `JOIN printer_update u ON u.printer_id = printer.id
          WHERE u.rollout_id = ? AND u.superseded = false AND u.printer_id > ? ORDER BY u.printer_id LIMIT ?`,
        rule.id,
        after,
        SLICE,
      );
      for (const printer of printers) if (isTarget(rules, printer, rule)) count(printer.bucket);
      if (printers.length < SLICE) return;
      after = printers.at(-1)?.id ?? after;
    }
  }
}

function add(counts: number[], bucket: number, by: number): void {
  counts[bucket] = (counts[bucket] ?? 0) + by;
}

/** True if a rollout would move a printer, whatever it was sent before. */
export function isTarget(rules: RuleSet, printer: PrinterKind, rule: RolloutRule): boolean {
  return targetRefusal(rules.factsOf(printer), rule) === null;
}
