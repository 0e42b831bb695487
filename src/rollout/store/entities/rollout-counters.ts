import { Column } from 'typeorm';
import { TARGET_STATUSES } from '../../rules/status.js';
import type { TargetStatus } from '../../rules/status.js';

/**
 * The counters of a rollout: its targets by what has become of them. They are counted in the transaction that changes the updates or the
 * printers, so they are always right, even after a crash. Their sum is the number of targets.
 */
export abstract class RolloutCounters {
  /** Targets that were sent nothing yet; after a cancel, the number at that moment. */
  @Column({ name: 'pending_count', type: 'integer' })
  pendingCount!: number;

  @Column({ name: 'in_progress_count', type: 'integer' })
  inProgressCount!: number;

  @Column({ name: 'completed_count', type: 'integer' })
  completedCount!: number;

  @Column({ name: 'failed_count', type: 'integer' })
  failedCount!: number;

  @Column({ name: 'declined_count', type: 'integer' })
  declinedCount!: number;
}

/** The column that counts the targets with a status. */
export function counterColumn<S extends TargetStatus>(status: S): `${S}_count` {
  return `${status}_count`;
}

/** The columns of `RolloutCounters`, in the order of `TARGET_STATUSES`. */
export const COUNTER_COLUMNS = TARGET_STATUSES.map(counterColumn);

/** The counters of a rollout without targets. */
export const NO_TARGETS: Readonly<RolloutCounters> = {
  pendingCount: 0,
  inProgressCount: 0,
  completedCount: 0,
  failedCount: 0,
  declinedCount: 0,
};

/** The number of targets by what has become of them. */
export function countersOf(row: RolloutCounters): Record<TargetStatus, number> {
  return {
    pending: row.pendingCount,
    in_progress: row.inProgressCount,
    completed: row.completedCount,
    failed: row.failedCount,
    declined: row.declinedCount,
  };
}
