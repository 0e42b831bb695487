import { Injectable } from '@nestjs/common';
import { IN_INTEGERS, allOf, jsonList, jsonRows, rowsOf } from '../../database/sql.js';
import type { Sql } from '../../database/sql.js';
import type { Transaction } from '../../database/transaction.js';
import type { PrinterUpdate } from './entities/printer-update.entity.js';

const RECORD = `INSERT INTO sent_firmware (firmware_id, version, platform, sha256, printers)
  SELECT id, version, platform, sha256, 0 FROM firmware WHERE id ${IN_INTEGERS} ON CONFLICT (firmware_id) DO NOTHING`;
const NAMES = `SELECT firmware_id, version, platform FROM sent_firmware WHERE firmware_id ${IN_INTEGERS}`;
const ADD = `UPDATE sent_firmware SET printers = sent_firmware.printers + delta.printers
  FROM ${rowsOf(allOf('integer', ['firmware_id', 'printers']))} AS delta WHERE sent_firmware.firmware_id = delta.firmware_id`;

/** The updates of one printer before and after a change. */
export interface UpdatesChange {
  before: readonly PrinterUpdate[];
  after: readonly PrinterUpdate[];
}

/** Records which builds were sent, and to how many printers: a version that was sent keeps its bytes permanently. */
@Injectable()
export class SentBuilds {
  /** Builds that are recorded already. */
  private readonly known = new Set<number>();

  /** Records the builds that updates were sent with. Call it in the transaction that writes the updates. */
  async count(tx: Transaction, changes: readonly UpdatesChange[]): Promise<void> {
    const moved = changes.map(buildsOf).filter(({ before, after }) => String(before) !== String(after));
    if (moved.length === 0) return;
    const ids = new Set(moved.flatMap(({ before, after }) => [...before, ...after]));
    await this.record(tx, ids);
    const names = await this.names(tx.sql, ids);
    const deltas = sendDeltas(moved, names);
    if (deltas.size > 0) await tx.sql.run(ADD, jsonRows([...deltas].sort(([a], [b]) => a - b)));
  }

  /** Records builds that replace some that were sent. */
  async record(tx: Transaction, firmwareIds: Iterable<number>): Promise<void> {
    const unknown = [...firmwareIds].filter((id) => !this.known.has(id)).sort((a, b) => a - b);
    if (unknown.length === 0) return;
    await tx.sql.run(RECORD, jsonList(unknown));
    for (const id of unknown) this.known.add(id);
    tx.afterRollback(() => this.known.clear());
  }

  private async names(sql: Sql, ids: Iterable<number>): Promise<Map<number, string>> {
    const rows = await sql.values(NAMES, jsonList(ids));
    return new Map(rows.map(([id, version, platform]) => [Number(id), `${version} ${platform}`]));
  }
}

/**
 * Counts each printer once for a version and a platform, which may have been sent through several rows: for the first that it was sent.
 *
 * @param names version and platform of each build
 */
function sendDeltas(
  moved: ReadonlyArray<Record<'before' | 'after', readonly number[]>>,
  names: ReadonlyMap<number, string>,
): Map<number, number> {
  const deltas = new Map<number, number>();
  const add = (from: readonly number[], other: readonly number[], by: number): void => {
    const counted = new Set(other.map((id) => names.get(id)));
    for (const id of from) {
      const name = names.get(id);
      if (name === undefined || counted.has(name)) continue;
      counted.add(name);
      deltas.set(id, (deltas.get(id) ?? 0) + by);
    }
  };
  for (const { before, after } of moved) {
    add(after, before, 1);
    // Only an update that was taken back was never sent: one that is opened again with another build has been sent with both.
    if (after.length < before.length) add(before, after, -1);
  }
  return deltas;
}

/** The builds that were sent, in the order of the updates. */
function buildsOf({ before, after }: UpdatesChange): Record<'before' | 'after', number[]> {
  const ids = (updates: readonly PrinterUpdate[]): number[] =>
    updates.map(({ firmwareId }) => firmwareId).filter((id) => id !== 0);
  return { before: ids(before), after: ids(after) };
}
