import { Injectable, Logger } from '@nestjs/common';
import { versionKey } from '../../common/version.js';
import { CounterBuffer } from '../../database/counter-buffer.js';
import type { CounterChange } from '../../database/counter-buffer.js';
import type { SqlRow } from '../../database/statements.js';
import { UnitOfWork } from '../../database/unit-of-work.js';
import type { Transaction } from '../../database/transaction.js';
import { PrinterCounts } from '../../printer/printer-counts.js';
import type { RolloutStatus, UpdateStatus } from '../rules/status.js';
import { RolloutRules } from '../store/rollout-rules.js';
import { PendingBuckets } from '../store/pending-buckets.js';

/** What a rollout counts of its targets: those sent nothing yet, and the others by the state of their update. */
export type RolloutCounter = 'pending' | UpdateStatus;

const STATE = `id, status, rollout_percentage, firmware_version, rollback_id, min_version, pending_count, in_progress_count,
  completed_count + failed_count + declined_count AS ended`;
const BUCKETS_OF = `SELECT bucket, count(*) FROM printer WHERE id IN (SELECT value FROM json_each(?)) GROUP BY bucket`;
const CHANGE = `UPDATE rollout SET pending_count = pending_count + ?, in_progress_count = in_progress_count + ?,
  completed_count = completed_count + ?, failed_count = failed_count + ?, declined_count = declined_count + ?
  WHERE id = ? RETURNING ${STATE}`;

// Pending targets are gathered by bucket, too: a bucket is named by its number.
type GatheredCounter = RolloutCounter | `${number}`;

const ABOUT_TO_RUN = `SELECT 1 FROM printer_update u JOIN printer p ON p.id = u.printer_id
  WHERE u.status IN ('in_progress', 'completed') AND u.confirmed = false AND u.firmware_version = ?
    AND p.version_key <> ? AND p.blocked = false LIMIT 1`;

/** How far a rollout has come: its counters, and whether it is completed. */
@Injectable()
export class RolloutProgress {
  private readonly logger = new Logger('Rollout');
  private readonly gathered: CounterBuffer<GatheredCounter>;
  /** Rollouts to settle before the commit. */
  private readonly due = new Set<number>();

  constructor(
    unitOfWork: UnitOfWork,
    private readonly rules: RolloutRules,
    private readonly printerCounts: PrinterCounts,
    private readonly buckets: PendingBuckets,
  ) {
    this.gathered = new CounterBuffer(unitOfWork, (tx, id, change) => this.write(tx, id, change));
    // Behind the counters, which bear on it.
    unitOfWork.beforeCommit((tx) => this.settleDue(tx));
    unitOfWork.onRollback(() => this.due.clear());
  }

  /** Changes counters of updates; to be called in the transaction that changes the updates. */
  count(tx: Transaction, rolloutId: number, change: CounterChange<UpdateStatus>): void {
    this.gathered.add(tx, rolloutId, change);
  }

  /**
   * Changes how many targets are pending, and with them counters of updates; to be called in the transaction that changes the updates or
   * the printers.
   *
   * @param bucket that of the printers concerned
   */
  countPending(
    tx: Transaction,
    rolloutId: number,
    bucket: number,
    by: number,
    change: CounterChange<UpdateStatus> = {},
  ): void {
    this.gathered.add(tx, rolloutId, { ...change, pending: by, [bucket]: by });
  }

  /**
   * Moves printers between the pending targets and a state of their updates.
   *
   * @param by 1 if they are pending now, -1 if they are no longer
   * @param status the state of their updates, which are counted the other way round
   */
  countPendingOf(
    tx: Transaction,
    rolloutId: number,
    printerIds: readonly number[],
    by: 1 | -1,
    status: UpdateStatus,
  ): void {
    for (const [bucket, printers] of tx.db.allValues(BUCKETS_OF, JSON.stringify(printerIds))) {
      const change = by * Number(printers);
      this.countPending(tx, rolloutId, Number(bucket), change, { [status]: -change });
    }
  }

  /**
   * Moves a rollout between active and completed: completed at 100 %, with at least one target, none pending and none
   * in progress (decisions, "A rollout's life"). Counters do it by themselves; to be called after every other change that may
   * bear on it.
   */
  settle(tx: Transaction, rolloutId: number): void {
    this.settleState(tx, rolloutId, tx.db.get(`SELECT ${STATE} FROM rollout WHERE id = ?`, rolloutId));
  }

  /** As `settle`, once for all that is committed together. */
  settleAtCommit(tx: Transaction, rolloutId: number): void {
    tx.onSuccess(() => this.due.add(rolloutId));
  }

  /**
   * Settles the rollbacks of a version at the commit: a printer is about to run it, or no longer. By the version, not by the rollouts that
   * the rollback took back: those may be deleted, or have been taken back by an earlier rollback.
   */
  settleRollbacksOf(tx: Transaction, version: string): void {
    const { rollbacks } = this.rules.current(tx);
    if (rollbacks.length === 0) return;
    const key = versionKey(version);
    for (const { id, takesBack } of rollbacks) if (takesBack === key) this.settleAtCommit(tx, id);
  }

  private settleDue(tx: Transaction): void {
    for (const id of this.due) this.settle(tx, id);
    this.due.clear();
  }

  private write(tx: Transaction, id: number, change: CounterChange<GatheredCounter>): void {
    for (const [counter, by = 0] of Object.entries(change))
      if (isBucket(counter) && by !== 0) this.buckets.add(tx.db, id, Number(counter), by);
    const { pending = 0, in_progress = 0, completed = 0, failed = 0, declined = 0 } = change;
    const state = tx.db.get(CHANGE, pending, in_progress, completed, failed, declined, id);
    this.settleState(tx, id, state);
  }

  private settleState(tx: Transaction, id: number, state: SqlRow | undefined): void {
    if (state?.status !== 'active' && state?.status !== 'completed') return;
    const status: RolloutStatus = this.isCompleted(tx, state) ? 'completed' : 'active';
    if (status === state.status) return;
    tx.db.run('UPDATE rollout SET status = ? WHERE id = ?', status, id);
    this.rules.statusChanged(tx, id, status);
    tx.afterCommit(() => this.logger.log(`Rollout ${id} of ${state.firmware_version} is ${status}`));
  }

  /**
   * A rollback is completed when no printer runs the version that it takes back, or is about to (its update is under way, or it has
   * reported it and is yet to come back), whatever has become of its own updates.
   */
  private isCompleted(tx: Transaction, state: SqlRow): boolean {
    if (state.pending_count !== 0 || state.in_progress_count !== 0) return false;
    if (state.rollback_id === null) return state.rollout_percentage === 100 && Number(state.ended) > 0;
    const version = String(state.min_version);
    const key = versionKey(version);
    return (
      this.printerCounts.running(tx.db, key) === 0 && tx.db.get(ABOUT_TO_RUN, version, key) === undefined
    );
  }
}

function isBucket(counter: string): boolean {
  return /^\d+$/.test(counter);
}
