import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';
import { cutPage } from '../../database/page.js';
import type { Condition, CountedPage } from '../../database/page.js';
import { IN_INTEGERS, jsonList } from '../../database/sql.js';
import type { Sql } from '../../database/sql.js';
import type { Table } from '../../database/table.js';
import { TopN, compareSortKeys, sortKeyOf } from './top-n.js';
import type { SortKey } from './top-n.js';
import { PrinterCounts } from '../counts/printer-counts.js';
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

/** The rows of a page, and the number of all matches. */
interface Found {
  rows: Printer[];
  total: number;
}

// Rows per statement.
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
    const { rows, total } = await this.database.scan((sql) => this.readPage(sql, filter, wanted));
    return { ...cutPage(rows, limit, (last) => encodeCursor(order, last)), total };
  }

  private async readPage(sql: Sql, filter: PrinterFilter, wanted: Wanted): Promise<Found> {
    const ids = await IdFilter.of(sql, filter, this.presence, this.selections);
    const { candidates } = ids;
    return candidates === null
      ? this.readAny(sql, filter, ids, wanted)
      : this.readAmong(sql, candidates, filter, wanted);
  }

  private async readAmong(
    sql: Sql,
    candidates: number[],
    filter: PrinterFilter,
    wanted: Wanted,
  ): Promise<Found> {
    const first = new TopN(wanted, wanted.rows);
    await this.findAmong(sql, candidates, filter, first);
    return { rows: await this.read(sql, first.ids()), total: first.total };
  }

  private async readAny(sql: Sql, filter: PrinterFilter, idFilter: IdFilter, wanted: Wanted): Promise<Found> {
    const parts = partsOf(filter);
    const sizes: number[] = [];
    for (const part of parts)
      sizes.push(
        filter.search === undefined ? await this.count(sql, filter) : await this.countAlong(sql, part),
      );
    let total = sizes.reduce((sum, size) => sum + size, 0);
    total -= await this.countAmong(sql, idFilter.exceptions, filter);
    // Without this, finding no match would mean reading all printers.
    if (total === 0) return { rows: [], total };
    return { rows: await this.readParts(sql, filter, idFilter, wanted, parts, sizes), total };
  }

  private async readParts(
    sql: Sql,
    filter: PrinterFilter,
    ids: IdFilter,
    wanted: Wanted,
    parts: Part[],
    sizes: number[],
  ): Promise<Printer[]> {
    const [only] = parts;
    if (parts.length === 1 && only?.range.key === wanted.column) return this.walk(sql, only, ids, wanted);
    const all = await this.printerCounts.count(sql, {});
    const first = new TopN(wanted, wanted.rows);
    for (const [index, part] of parts.entries()) {
      const size = sizes[index] ?? 0;
      if (part.range.key === wanted.column) {
        const rows = await this.walk(sql, part, ids, wanted);
        first.add(rows.map((row) => sortKeyOf(row, wanted.column)));
      } else if (size * size <= wanted.rows * all) {
        await this.find(sql, part, ids, first);
      } else {
        // One of every `all / size` printers matches: filling the page in index order costs less than finding all matches.
        return this.walk(sql, partAlong(wanted.column, filter), ids, wanted);
      }
    }
    return this.read(sql, first.ids());
  }

  /** The first matches of a range that is in the wanted order. */
  private async walk(sql: Sql, part: Part, ids: IdFilter, wanted: Wanted): Promise<Printer[]> {
    const rows: Printer[] = [];
    const isPlain = part.condition === null && (part.indexed ?? null) === null;
    const size = isPlain ? Math.min(READ_SLICE, wanted.rows) : READ_SLICE;
    for await (const slice of slicesOf(sql, part.range, wanted.descending, wanted.after, size)) {
      const { rest, values } = matching(slice, part);
      const matches = (await this.table.select(sql, rest, ...values)).filter(({ id }) => ids.allows(id));
      rows.push(...(isPlain ? matches : inOrder(matches, wanted)));
      if (rows.length >= wanted.rows) break;
    }
    return rows.slice(0, wanted.rows);
  }

  /** All matches of a range. */
  private async find(sql: Sql, part: Part, ids: IdFilter, first: TopN): Promise<void> {
    for await (const slice of slicesOf(sql, part.range, false, null, READ_SLICE)) {
      const matches = await this.findThose(sql, matching(slice, part), first.column);
      first.add(matches.filter(({ id }) => ids.allows(id)));
    }
  }

  /** Those of these printers that meet the conditions of a filter on columns. */
  private async findAmong(sql: Sql, ids: number[], filter: PrinterFilter, first: TopN): Promise<void> {
    const condition = wholeCondition(filter);
    for (let start = 0; start < ids.length; start += READ_SLICE) {
      const some = jsonList(ids.slice(start, start + READ_SLICE));
      const { rest, values } = among(some, condition);
      first.add(await this.findThose(sql, { rest, values }, first.column));
    }
  }

  private async findThose(sql: Sql, { rest, values }: Batch, column: KeyColumn | null): Promise<SortKey[]> {
    const rows = await sql.values(`SELECT id, ${column ?? `''`} FROM printer ${rest}`, ...values);
    return rows.map(([id, key]) => ({ id: Number(id), key: sortable(String(key)) }));
  }

  private async read(sql: Sql, ids: number[]): Promise<Printer[]> {
    const rows = new Map<number, Printer>();
    for (let start = 0; start < ids.length; start += READ_SLICE) {
      const some = jsonList(ids.slice(start, start + READ_SLICE));
      const rest = `WHERE id ${IN_INTEGERS}`;
      for (const row of await this.table.select(sql, rest, some)) rows.set(row.id, row);
    }
    return ids.flatMap((id) => rows.get(id) ?? []);
  }

  /** Number of matches, online or not; for filters without a search. */
  private async count(sql: Sql, filter: PrinterFilter): Promise<number> {
    const { userId, blocked, problems, autoUpdate, channel, platform, versionKey } = filter;
    // If nearly all printers match, counting the others is cheaper.
    if (blocked === false)
      return (
        (await this.count(sql, { ...filter, blocked: undefined })) -
        (await this.count(sql, { ...filter, blocked: true }))
      );
    if (problems === false)
      return (
        (await this.count(sql, { ...filter, problems: undefined })) -
        (await this.count(sql, { ...filter, problems: true }))
      );
    if (autoUpdate === true)
      return (
        (await this.count(sql, { ...filter, autoUpdate: undefined })) -
        (await this.count(sql, { ...filter, autoUpdate: false }))
      );
    if ([userId, blocked, problems, autoUpdate].every((narrowing) => narrowing === undefined))
      return this.printerCounts.count(sql, { channel, platform, versionKey });
    let sum = 0;
    for (const part of partsOf({ ...filter, online: undefined })) sum += await this.countAlong(sql, part);
    return sum;
  }

  private async countAlong(sql: Sql, part: Part): Promise<number> {
    const { range, condition, indexed = null } = part;
    let sum = 0;
    for await (const slice of slicesOf(sql, range, false, null, COUNT_SLICE)) {
      const ids = indexOnly(slice, range, indexed);
      const { rest, values } = condition === null ? ids : matching(slice, part);
      const from = condition === null ? `(${rest})` : `printer ${rest}`;
      sum += await sql.count(`SELECT count(*) FROM ${from}`, ...values);
    }
    return sum;
  }

  private async countAmong(sql: Sql, ids: number[], filter: PrinterFilter): Promise<number> {
    const none = new TopN({ column: null, descending: false, after: null }, 0);
    await this.findAmong(sql, ids, filter, none);
    return none.total;
  }
}

/** The printers with these numbers (a JSON list) that meet a condition. */
function among(ids: string, condition: Condition | null): Batch {
  const { sql, values } = condition ?? { sql: '1 = 1', values: [] };
  return { rest: `WHERE id ${IN_INTEGERS} AND ${sql}`, values: [ids, ...values] };
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
