import { Injectable } from '@nestjs/common';
import { CounterBuffer } from '../../database/counter-buffer.js';
import type { CounterChange } from '../../database/counter-buffer.js';
import type { Statements } from '../../database/statements.js';
import type { Transaction } from '../../database/transaction.js';
import { UnitOfWork } from '../../database/unit-of-work.js';
import type { UpdateStatus } from '../rules/status.js';

/** Number of updates that ended with each outcome. */
export type Outcomes = Record<Exclude<UpdateStatus, 'in_progress'>, number>;

const SLOT_MS = 5 * 60_000;
const DAY_MS = 24 * 60 * 60_000;

const COUNT = `INSERT INTO update_ending (id, completed, failed, declined) VALUES (?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET completed = completed + excluded.completed, failed = failed + excluded.failed,
    declined = declined + excluded.declined`;
const SINCE = `SELECT sum(completed) AS completed, sum(failed) AS failed, sum(declined) AS declined
  FROM update_ending WHERE id >= ? AND id <= ?`;

/** Counts ended updates in slots of five minutes, so a summary of the last day need not read each update. */
@Injectable()
export class OutcomeCounts {
  private readonly gathered: CounterBuffer<UpdateStatus>;

  constructor(unitOfWork: UnitOfWork) {
    this.gathered = new CounterBuffer(unitOfWork, (tx, id, { completed = 0, failed = 0, declined = 0 }) =>
      tx.db.run(COUNT, id, completed, failed, declined),
    );
  }

  /** Counts updates that ended at `at`. Call it in the transaction that ends them. */
  count(tx: Transaction, at: Date, change: CounterChange<UpdateStatus>): void {
    this.gathered.add(tx, slotOf(at), change);
  }

  /** The updates that ended in the last 24 hours, rounded to five minutes. */
  lastDay(db: Statements, now: Date): Outcomes {
    const row = db.get(SINCE, slotOf(now) - DAY_MS / SLOT_MS, slotOf(now));
    return {
      completed: Number(row?.completed ?? 0),
      failed: Number(row?.failed ?? 0),
      declined: Number(row?.declined ?? 0),
    };
  }

  /** Deletes counts older than any query needs. */
  prune(tx: Transaction, now: Date): void {
    tx.db.run('DELETE FROM update_ending WHERE id < ?', slotOf(now) - (2 * DAY_MS) / SLOT_MS);
  }
}

function slotOf(at: Date): number {
  return Math.floor(at.getTime() / SLOT_MS);
}
