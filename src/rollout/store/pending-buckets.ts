import { Injectable } from '@nestjs/common';
import { BUCKETS } from '../../common/bucket.js';
import type { Statements } from '../../database/statements.js';
import type { Rollout } from './entities/rollout.entity.js';

const ADD = 'UPDATE rollout_pending SET pending = pending + ? WHERE rollout_id = ? AND bucket = ?';
const SET = `INSERT INTO rollout_pending (rollout_id, bucket, pending) VALUES (?, ?, ?)
  ON CONFLICT (rollout_id, bucket) DO UPDATE SET pending = excluded.pending`;
const SUM = 'SELECT sum(pending) FROM rollout_pending WHERE rollout_id = ? AND bucket < ?';

/** Stores the pending targets of each rollout by bucket, so the number within any percentage is a cheap read. */
@Injectable()
export class PendingBuckets {
  /** Adds `by` to the pending targets of one bucket. */
  add(db: Statements, rolloutId: number, bucket: number, by: number): void {
    db.run(ADD, by, rolloutId, bucket);
  }

  /** Stores the counts of a rollout that has none yet. */
  set(db: Statements, rolloutId: number, pending: readonly number[]): void {
    for (const [bucket, count] of pending.entries()) db.run(SET, rolloutId, bucket, count);
  }

  /** Number of pending targets within a percentage. */
  within(db: Statements, rolloutId: number, percentage: number): number {
    return db.count(SUM, rolloutId, percentage);
  }

  /**
   * Number of targets that are due and were sent nothing, because they are offline or waiting. Nothing is due in a scheduled rollout before
   * its time; a pause changes nothing.
   */
  due(db: Statements, rollout: Pick<Rollout, 'id' | 'status' | 'percentage' | 'pendingCount'>): number {
    if (rollout.status === 'scheduled') return 0;
    if (rollout.percentage >= BUCKETS) return rollout.pendingCount;
    return this.within(db, rollout.id, rollout.percentage);
  }
}
