import { Injectable } from '@nestjs/common';
import { BUCKETS } from '../../common/bucket.js';
import { IN_INTEGERS, allOf, hasInteger, jsonList, jsonRows, rowsOf } from '../../database/sql.js';
import type { Transaction } from '../../database/transaction.js';
import type { TargetPrinter } from '../../printer/printer.service.js';
import { targetRefusal } from '../rules/targeting.js';
import { FleetWalk } from './fleet-walk.js';
import { RolloutRules } from './rollout-rules.js';
import type { Rollout } from './entities/rollout.entity.js';
import { PendingBuckets } from './pending-buckets.js';
import type { Sql } from '../../database/sql.js';

// Printers per row, so that a look-up reads one row of a few kilobytes.
const SLICE = 500;

const SERVED = `SELECT printer_id FROM printer_update
  WHERE rollout_id = ? AND superseded = false AND printer_id ${IN_INTEGERS}`;
const KEEP = 'INSERT INTO cancelled_pending (rollout_id, first_printer_id, printer_ids) VALUES (?, ?, ?)';
const COUNT = 'UPDATE rollout SET pending_count = ? WHERE id = ?';
const AMONG = `SELECT asked.rollout_id, asked.printer_id FROM ${rowsOf(allOf('integer', ['rollout_id', 'printer_id']))} AS asked
  JOIN cancelled_pending c ON c.rollout_id = asked.rollout_id AND c.first_printer_id =
    (SELECT max(first_printer_id) FROM cancelled_pending
      WHERE rollout_id = asked.rollout_id AND first_printer_id <= asked.printer_id)
  WHERE ${hasInteger('c.printer_ids', 'asked.printer_id')}`;
const HOLDS = `SELECT r.id FROM rollout r JOIN cancelled_pending c ON c.rollout_id = r.id AND c.first_printer_id =
    (SELECT max(first_printer_id) FROM cancelled_pending WHERE rollout_id = r.id AND first_printer_id <= ?)
  WHERE r.id >= ? AND r.id <= ? AND ${hasInteger('c.printer_ids', '?')}`;

/**
 * Stores which printers were pending when a rollout was cancelled. From then on its counters no longer follow its printers, but a printer
 * that is deleted, or turns out to have the update after all, must be subtracted from the right counter.
 */
@Injectable()
export class CancelledPending {
  constructor(
    private readonly rules: RolloutRules,
    private readonly walk: FleetWalk,
    private readonly buckets: PendingBuckets,
  ) {}

  /** Call it in the transaction of the cancel, before the cancel. */
  async remember(tx: Transaction, { id, pendingCount }: Rollout): Promise<void> {
    const rules = await this.rules.current(tx);
    const rule = rules.get(id);
    if (rule === undefined || pendingCount === 0) return;
    const pending: number[] = [];
    const byBucket = new Array<number>(BUCKETS).fill(0);
    for await (const printers of this.walk.each(tx.sql, rule)) {
      const targets = printers.filter((printer) => targetRefusal(rules.factsOf(printer), rule) === null);
      const served = await servedOf(tx.sql, id, targets);
      for (const printer of targets) {
        if (served.has(printer.id)) continue;
        pending.push(printer.id);
        byBucket[printer.bucket] = (byBucket[printer.bucket] ?? 0) + 1;
      }
    }
    pending.sort((a, b) => a - b);
    // They may differ if several rollouts are cancelled at once, because the printers that each may move back depend on the others.
    if (pending.length !== pendingCount) {
      await tx.sql.run(COUNT, pending.length, id);
      await this.buckets.set(tx.sql, id, byBucket);
    }
    for (let start = 0; start < pending.length; start += SLICE) {
      const slice = pending.slice(start, start + SLICE);
      await tx.sql.run(KEEP, id, slice[0] ?? 0, JSON.stringify(slice));
    }
  }

  /** Of these pairs, those of a rollout that was cancelled while the printer was pending. */
  async among(
    sql: Sql,
    pairs: ReadonlyArray<readonly [rolloutId: number, printerId: number]>,
  ): Promise<Array<[rolloutId: number, printerId: number]>> {
    if (pairs.length === 0) return [];
    const rows = await sql.values(AMONG, jsonRows(pairs));
    return rows.map(([rolloutId, printerId]) => [Number(rolloutId), Number(printerId)]);
  }

  /** The rollouts that were cancelled while a printer was pending. */
  async rolloutsOf(sql: Sql, printerId: number): Promise<number[]> {
    const rows = await sql.values(HOLDS, printerId, 0, Number.MAX_SAFE_INTEGER, printerId);
    return rows.map(([id]) => Number(id));
  }
}

/** The numbers of the printers that a rollout has sent an update, or declined one on behalf of. */
export async function servedOf(
  sql: Sql,
  rolloutId: number,
  printers: readonly TargetPrinter[],
): Promise<Set<number>> {
  if (printers.length === 0) return new Set();
  const ids = jsonList(printers.map(({ id }) => id));
  return new Set((await sql.values(SERVED, rolloutId, ids)).map(([id]) => Number(id)));
}
