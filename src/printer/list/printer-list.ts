import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';
import { cutPage } from '../../database/page.js';
import type { Condition, CountedPage } from '../../database/page.js';
import type { Table } from '../../database/table.js';
import { TopN, compareSortKeys, sortKeyOf } from './top-n.js';
import type { SortKey } from './top-n.js';
import { PrinterCounts } from '../printer-counts.js';
import { IdFilter } from './id-filter.js';
import { Presence } from '../presence.js';
import { partAlong, partsOf, wholeCondition } from './printer-filter.js';
import type { Part, PrinterFilter } from './printer-filter.js';
import { columnOf, encodeCursor } from './printer-order.js';
import type { PrinterOrder } from './printer-order.js';
import { PrinterSelections } from './printer-selections.js';
import { slicesOf, sortable } from './keyset.js';
import type { KeyColumn, IndexRange, Position, Batch } from './keyset.js';
import { Printer } from '../printer.entity.js';

/** One page of printers. */
export type PrinterPage = CountedPage<Printer, number | string>;

/** Which rows of the order to read. */
interface Wanted {
  column: KeyColumn | null;
  descending: boolean;
  after: Position | null;
  /** One more than the page has, to know whether there is another page. */
  rows: number;
}

// Rows per slice, which takes a few milliseconds.
const READ_SLICE = 1_000;
const COUNT_SLICE = 5_000;

/**
 * Lists printers page by page. No statement reads more than a slice of the printers, whatever the filter, and the event loop runs between
 * slices. If few printers match, they are found by the narrowest index and sorted; if many match, the index of the requested order is read
 * until the page is full.
 */
@Injectable()
export class PrinterList {
  private readonly table: Table<Printer>;

  constructor(
    private readonly database: Database,
    private readonly printerCounts: PrinterCounts,
    private readonly presence: Presence,
    private readonly selections: PrinterSelections,
  ) {
    this.table = database.table(Printer);
  }

  /** One page of the printers that match, after a position. */
  async page(
    filter: PrinterFilter,
    order: PrinterOrder,
    limit: number,
    after: Position | null,
  ): Promise<PrinterPage> {
    // All matches have the same version, so the number alone decides.
    const column =
      order.sort === 'firmware_version' && filter.versionKey !== undefined ? null : columnOf(order);
    const wanted: Wanted = { column, descending: order.descending, after, rows: limit + 1 };
    const ids = await IdFilter.of(filter, this.presence, this.selections);
    const { candidates } = ids;
    const { rows, total } = await (candidates === null
      ? this.readAny(filter, ids, wanted)
      : this.readAmong(candidates, filter, wanted));
    return { ...cutPage(rows, limit, (last) => encodeCursor(order, last)), total };
  }

  private async readAmong(
    candidates: number[],
    filter: PrinterFilter,
    wanted: Wanted,
  ): Promise<{ rows: Printer[]; total: number }> {
    const first = new TopN(wanted, wanted.rows);
    await this.findAmong(candidates, filter, first);
    return { rows: await this.read(first.ids()), total: first.total };
  }

  private async readAny(
    filter: PrinterFilter,
    idFilter: IdFilter,
    wanted: Wanted,
  ): Promise<{ rows: Printer[]; total: number }> {
    const parts = partsOf(filter);
    const sizes: number[] = [];
    for (const part of parts)
      sizes.push(filter.search === undefined ? await this.count(filter) : await this.countAlong(part));
    let total = sizes.reduce((sum, size) => sum + size, 0);
    total -= await this.countAmong(idFilter.exceptions, filter);
    // Without this, finding no match would mean reading all printers.
    if (total === 0) return { rows: [], total };
    return { rows: await this.readParts(filter, idFilter, wanted, parts, sizes), total };
  }

  private async readParts(
    filter: PrinterFilter,
    ids: IdFilter,
    wanted: Wanted,
    parts: Part[],
    sizes: number[],
  ): Promise<Printer[]> {
    const [only] = parts;
    if (parts.length === 1 && only?.range.key === wanted.column) return this.walk(only, ids, wanted);
    const all = this.printerCounts.count(this.database.reader, {});
    const first = new TopN(wanted, wanted.rows);
    for (const [index, part] of parts.entries()) {
      const size = sizes[index] ?? 0;
      if (part.range.key === wanted.column) {
        const rows = await this.walk(part, ids, wanted);
        first.add(rows.map((row) => sortKeyOf(row, wanted.column)));
      } else if (size * size <= wanted.rows * all) {
        await this.find(part, ids, first);
      } else {
        // One of every `all / size` printers matches: filling the page in index order costs less than finding all matches.
        return this.walk(partAlong(wanted.column, filter), ids, wanted);
      }
    }
    return this.read(first.ids());
  }

  /** The first matches of a range that is in the wanted order. */
  private async walk(part: Part, ids: IdFilter, wanted: Wanted): Promise<Printer[]> {
    const { reader } = this.database;
    const rows: Printer[] = [];
    const isPlain = part.condition === null && (part.indexed ?? null) === null;
    const size = isPlain ? Math.min(READ_SLICE, wanted.rows) : READ_SLICE;
    for (const slice of slicesOf(reader, part.range, wanted.descending, wanted.after, size)) {
      const { rest, values } = matching(slice, part);
      const matches = this.table.select(reader, rest, ...values).filter(({ id }) => ids.allows(id));
      rows.push(...(isPlain ? matches : inOrder(matches, wanted)));
      if (rows.length >= wanted.rows) break;
      await nextTurn();
    }
    return rows.slice(0, wanted.rows);
  }

  /** All matches of a range. */
  private async find(part: Part, ids: IdFilter, first: TopN): Promise<void> {
    const { reader } = this.database;
    for (const slice of slicesOf(reader, part.range, false, null, READ_SLICE)) {
      const matches = this.findThose(matching(slice, part), first.column);
      first.add(matches.filter(({ id }) => ids.allows(id)));
      await nextTurn();
    }
  }

  /** Those of these printers that meet the conditions of a filter on columns. */
  private async findAmong(ids: number[], filter: PrinterFilter, first: TopN): Promise<void> {
    const condition = wholeCondition(filter);
    for (let start = 0; start < ids.length; start += READ_SLICE) {
      const some = JSON.stringify(ids.slice(start, start + READ_SLICE));
      const { sql, values } = condition ?? { sql: '1 = 1', values: [] };
      const rest = `WHERE id IN (SELECT value FROM json_each(?)) AND ${sql}`;
      first.add(this.findThose({ rest, values: [some, ...values] }, first.column));
      await nextTurn();
    }
  }

  private findThose({ rest, values }: Batch, column: KeyColumn | null): SortKey[] {
    const rows = this.database.reader.allValues(
      `SELECT id, ${column ?? `''`} FROM printer ${rest}`,
      ...values,
    );
    return rows.map(([id, key]) => ({ id: Number(id), key: sortable(String(key)) }));
  }

  private async read(ids: number[]): Promise<Printer[]> {
    const rows = new Map<number, Printer>();
    for (let start = 0; start < ids.length; start += READ_SLICE) {
      const some = JSON.stringify(ids.slice(start, start + READ_SLICE));
      const rest = 'WHERE id IN (SELECT value FROM json_each(?))';
      for (const row of this.table.select(this.database.reader, rest, some)) rows.set(row.id, row);
      await nextTurn();
    }
    return ids.flatMap((id) => rows.get(id) ?? []);
  }

  /** Number of matches, online or not; for filters without a search. */
  private async count(filter: PrinterFilter): Promise<number> {
    const { userId, blocked, problems, autoUpdate, channel, platform, versionKey } = filter;
    // If nearly all printers match, counting the others is cheaper.
    if (blocked === false)
      return (
        (await this.count({ ...filter, blocked: undefined })) -
        (await this.count({ ...filter, blocked: true }))
      );
    if (problems === false)
      return (
        (await this.count({ ...filter, problems: undefined })) -
        (await this.count({ ...filter, problems: true }))
      );
    if (autoUpdate === true)
      return (
        (await this.count({ ...filter, autoUpdate: undefined })) -
        (await this.count({ ...filter, autoUpdate: false }))
      );
    if ([userId, blocked, problems, autoUpdate].every((narrowing) => narrowing === undefined))
      return this.printerCounts.count(this.database.reader, { channel, platform, versionKey });
    let sum = 0;
    for (const part of partsOf({ ...filter, online: undefined })) sum += await this.countAlong(part);
    return sum;
  }

  private async countAlong(part: Part): Promise<number> {
    const { reader } = this.database;
    const { range, condition, indexed = null } = part;
    let sum = 0;
    for (const slice of slicesOf(reader, range, false, null, COUNT_SLICE)) {
      const ids = indexOnly(slice, range, indexed);
      const { rest, values } = condition === null ? ids : matching(slice, part);
      const sql =
        condition === null ? `SELECT count(*) FROM (${rest})` : `SELECT count(*) FROM printer ${rest}`;
      sum += reader.count(sql, ...values);
      await nextTurn();
    }
    return sum;
  }

  private async countAmong(ids: number[], filter: PrinterFilter): Promise<number> {
    const none = new TopN({ column: null, descending: false, after: null }, 0);
    await this.findAmong(ids, filter, none);
    return none.total;
  }
}

/** The rows of a slice that meet the conditions of a part, unordered; the slice itself if there are no conditions. */
function matching(slice: Batch, { range, condition, indexed = null }: Part): Batch {
  if (condition === null && indexed === null) return slice;
  const { sql, values } = condition ?? { sql: '1 = 1', values: [] };
  const within = indexOnly(slice, range, indexed);
  return { rest: `WHERE id IN (${within.rest}) AND ${sql}`, values: [...within.values, ...values] };
}

/** A query for the ids of a slice that reads only the index of its range. */
function indexOnly(slice: Batch, { key }: IndexRange, indexed: Condition | null): Batch {
  if (indexed === null) return { rest: `SELECT id FROM printer ${slice.rest}`, values: slice.values };
  const { sql, values } = indexed;
  const rest = `SELECT id FROM (SELECT id, ${key} FROM printer ${slice.rest}) WHERE ${sql}`;
  return { rest, values: [...slice.values, ...values] };
}

function inOrder(rows: Printer[], { column, descending }: Wanted): Printer[] {
  const direction = descending ? -1 : 1;
  const places = rows.map((row) => ({ row, ...sortKeyOf(row, column) }));
  return places.sort((a, b) => direction * compareSortKeys(a, b)).map(({ row }) => row);
}
