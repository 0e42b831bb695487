import { Injectable } from '@nestjs/common';
import { allOf, jsonRows, rowsOf } from '../../database/sql.js';
import type { Transaction } from '../../database/transaction.js';
import { SLOT_MS, slotOf } from './outcome-slots.js';
import type { Outcomes } from './outcome-slots.js';
import type { Sql } from '../../database/sql.js';

const DAY_MS = 24 * 60 * 60_000;

const COLUMNS = ['id', 'completed', 'failed', 'declined'];
const ADD = `INSERT INTO outcome_count (${COLUMNS.join(', ')}) SELECT ${COLUMNS.join(', ')} FROM ${rowsOf(allOf('integer', COLUMNS))} WHERE true
  ON CONFLICT (id) DO UPDATE SET completed = outcome_count.completed + excluded.completed,
    failed = outcome_count.failed + excluded.failed, declined = outcome_count.declined + excluded.declined`;
const SINCE = `SELECT sum(completed) AS completed, sum(failed) AS failed, sum(declined) AS declined
  FROM outcome_count WHERE id >= ? AND id <= ?`;

/** Counts ended updates in slots of five minutes, so a summary of the last day need not read each update. */
@Injectable()
export class OutcomeCounts {
  /**
   * Adds to the counts. Call it in the transaction that ends the updates.
   *
   * @param deltas by slot (`slotOf`)
   */
  async add(sql: Sql, deltas: ReadonlyMap<number, Outcomes>): Promise<void> {
    const rows = [...deltas]
      .map(([slot, { completed, failed, declined }]) => [slot, completed, failed, declined])
      .filter(([, ...counts]) => counts.some((count) => count !== 0))
      .sort(([a = 0], [b = 0]) => a - b);
    if (rows.length > 0) await sql.run(ADD, jsonRows(rows));
  }

  /** The updates that ended in the last 24 hours, rounded to five minutes. */
  async lastDay(sql: Sql, now: Date): Promise<Outcomes> {
    const row = await sql.first(SINCE, slotOf(now) - DAY_MS / SLOT_MS, slotOf(now));
    return {
      completed: Number(row?.completed ?? 0),
      failed: Number(row?.failed ?? 0),
      declined: Number(row?.declined ?? 0),
    };
  }

  /** Deletes counts older than any query needs. */
  async prune(tx: Transaction, now: Date): Promise<void> {
    await tx.sql.run('DELETE FROM outcome_count WHERE id < ?', slotOf(now) - (2 * DAY_MS) / SLOT_MS);
  }
}
