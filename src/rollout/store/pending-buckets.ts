import { Injectable } from '@nestjs/common';
import { BUCKETS } from '../../common/bucket.js';
import type { Rollout } from './entities/rollout.entity.js';
import type { Sql } from '../../database/sql.js';

const ADD = 'UPDATE rollout_pending SET pending = pending + ? WHERE rollout_id = ? AND bucket = ?';
const SET = `INSERT INTO rollout_pending (rollout_id, bucket, pending) VALUES (?, ?, ?)
  ON CONFLICT (rollout_id, bucket) DO UPDATE SET pending = excluded.pending`;
const SUM = 'SELECT sum(pending) FROM rollout_pending WHERE rollout_id = ? AND bucket < ?';

/** Stores the pending targets of each rollout by bucket, so the number within any percentage is a cheap read. */
@Injectable()
export class PendingBuckets {
  /** Adds `by` to the pending targets of one bucket. */
  async add(sql: Sql, rolloutId: number, bucket: number, by: number): Promise<void> {
    await sql.run(ADD, by, rolloutId, bucket);
  }

  /** Stores the counts of a rollout that has none yet. */
  async set(sql: Sql, rolloutId: number, pending: readonly number[]): Promise<void> {
    for (const [bucket, count] of pending.entries()) await sql.run(SET, rolloutId, bucket, count);
  }

  /** Number of pending targets within a percentage. */
  async within(sql: Sql, rolloutId: number, percentage: number): Promise<number> {
    return sql.count(SUM, rolloutId, percentage);
  }

  /**
   * Number of targets that are due and were sent nothing, because they are offline or waiting. Nothing is due in a scheduled rollout before
   * its time; a pause changes nothing.
   */
  async due(
    sql: Sql,
    rollout: Pick<Rollout, 'id' | 'status' | 'percentage' | 'pendingCount'>,
  ): Promise<number> {
    if (rollout.status === 'scheduled') return 0;
    if (rollout.percentage >= BUCKETS) return rollout.pendingCount;
    return this.within(sql, rollout.id, rollout.percentage);
  }
}
