import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Channel } from '../common/channel.js';
import { versionKey } from '../common/version.js';
import { Database } from '../database/database.js';
import type { SqlValue } from '../database/statements.js';
import type { Table } from '../database/table.js';
import { FleetTally } from './fleet-tally.js';
import { Presence } from './presence.js';
import { Printer } from './printer.entity.js';

/** Narrows a list of printers; every filter combines with every other. */
export interface PrinterFilter {
  userId?: string | undefined;
  online?: boolean | undefined;
  firmwareVersion?: string | undefined;
  channel?: Channel | undefined;
}

/** One page of printers, by number. */
export interface PrinterPage {
  printers: Printer[];
  /** All that match, on whichever page. */
  total: number;
  /** Where the next page begins; null on the last one. */
  nextCursor: number | null;
}

// Some milliseconds.
const SLICE = 1_000;

interface Condition {
  sql: string;
  values: SqlValue[];
}

/** Lists of printers, page by page. A page is read by an index that ends in the number, so that none costs more than the first. */
@Injectable()
export class PrinterList {
  private readonly table: Table<Printer>;

  constructor(
    private readonly database: Database,
    private readonly tally: FleetTally,
    private readonly presence: Presence,
  ) {
    this.table = database.table(Printer);
  }

  /** One page of the printers that match, by number. A long one is read in slices, which give the event loop back between. */
  async page(filter: PrinterFilter, limit: number, after: number): Promise<PrinterPage> {
    const { sql, values } = conditionOf(filter, this.presence);
    const rest = `WHERE ${sql} AND id > ? ORDER BY id LIMIT ?`;
    const rows: Printer[] = [];
    for (;;) {
      const wanted = Math.min(SLICE, limit + 1 - rows.length);
      const slice = this.table.select(
        this.database.reader,
        rest,
        ...values,
        rows.at(-1)?.id ?? after,
        wanted,
      );
      rows.push(...slice);
      if (slice.length < wanted || rows.length > limit) break;
      await nextTurn();
    }
    const printers = rows.slice(0, limit);
    return {
      printers,
      total: this.total(filter),
      nextCursor: rows.length > limit ? (printers.at(-1)?.id ?? null) : null,
    };
  }

  private total(filter: PrinterFilter): number {
    const { reader } = this.database;
    const { online, ...others } = filter;
    if (online === false) return this.total(others) - this.total({ ...others, online: true });
    if (online === undefined && filter.userId === undefined) {
      const key = filter.firmwareVersion === undefined ? undefined : versionKey(filter.firmwareVersion);
      return this.tally.count(reader, filter.channel, key);
    }
    const { sql, values } = conditionOf(filter, this.presence);
    return reader.count(`SELECT count(*) FROM printer WHERE ${sql}`, ...values);
  }
}

function conditionOf(filter: PrinterFilter, presence: Presence): Condition {
  const parts: Condition[] = [];
  if (filter.userId !== undefined) parts.push({ sql: 'user_id = ?', values: [filter.userId] });
  if (filter.firmwareVersion !== undefined)
    parts.push({ sql: 'version_key = ?', values: [versionKey(filter.firmwareVersion)] });
  if (filter.channel !== undefined) parts.push({ sql: 'update_channel = ?', values: [filter.channel] });
  if (filter.online !== undefined) {
    const sql = `id ${filter.online ? 'IN' : 'NOT IN'} (SELECT value FROM json_each(?))`;
    parts.push({ sql, values: [presence.toJson()] });
  }
  return {
    sql: parts.length === 0 ? '1 = 1' : parts.map((part) => part.sql).join(' AND '),
    values: parts.flatMap((part) => part.values),
  };
}
