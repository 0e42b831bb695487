import { Injectable } from '@nestjs/common';
import { BUCKETS } from '../../common/bucket.js';
import type { Statements } from '../../database/statements.js';
import type { Rollout } from './entities/rollout.entity.js';

const ADD = 'UPDATE rollout_pending SET pending = pending + ? WHERE rollout_id = ? AND bucket = ?';
const SET = `INSERT INTO rollout_pending (rollout_id, bucket, pending) VALUES (?, ?, ?)
  ON CONFLICT (rollout_id, bucket) DO UPDATE SET pending = excluded.pending`;
const SUM = 'SELECT sum(pending) FROM rollout_pending WHERE rollout_id = ? AND bucket < ?';
const UNCOUNTED = `SELECT id FROM rollout WHERE status <> 'cancelled' AND NOT EXISTS
  (SELECT 1 FROM rollout_pending WHERE rollout_id = rollout.id)`;

/**
 * Keeps the pending targets of rollouts by bucket, so that those within any percentage are known at once.
 */
@Injectable()
export class PendingBuckets {
  /** Counts pending targets of one bucket. */
  add(db: Statements, rolloutId: number, bucket: number, by: number): void {
    db.run(ADD, by, rolloutId, bucket);
  }

  /** Sets what was counted from nothing. */
  set(db: Statements, rolloutId: number, pending: readonly number[]): void {
    for (const [bucket, count] of pending.entries()) db.run(SET, rolloutId, bucket, count);
  }

  /** The rollouts that are not cancelled and were never counted by bucket: they are older than that is kept. */
  uncounted(db: Statements): number[] {
    return db.allValues(UNCOUNTED).map(([id]) => Number(id));
  }

  /** How many pending targets are within a percentage. */
  within(db: Statements, rolloutId: number, percentage: number): number {
    return db.count(SUM, rolloutId, percentage);
  }

  /**
   * How many targets are due and were sent nothing: offline, or waiting. A scheduled rollout is due for nobody before its time; a
   * pause changes nothing.
   */
  due(db: Statements, rollout: Pick<Rollout, 'id' | 'status' | 'percentage' | 'pendingCount'>): number {
    if (rollout.status === 'scheduled') return 0;
    if (rollout.percentage >= BUCKETS) return rollout.pendingCount;
    return this.within(db, rollout.id, rollout.percentage);
  }
}
