import type { ObjectLiteral } from 'typeorm';
import type { Sql, SqlValue } from './sql.js';
import type { Table } from './table.js';

/** One page of a list. */
export interface Page<T, C = number> {
  rows: T[];
  /** Cursor of the next page; null on the last page. */
  nextCursor: C | null;
}

/** A page of a list that also says how long the list is. */
export interface CountedPage<T, C = number> extends Page<T, C> {
  /** The number of rows that match, on all pages together. */
  total: number;
}

/** A part of a WHERE clause, with its values. */
export interface Condition {
  sql: string;
  values: SqlValue[];
}

/** Joins conditions with AND; null stands for a condition that everything meets. */
export function both(first: Condition | null, second: Condition): Condition {
  if (first === null) return second;
  return { sql: `${first.sql} AND ${second.sql}`, values: [...first.values, ...second.values] };
}

/**
 * Cuts a page off the rows that follow a cursor.
 *
 * @param rows at most `limit + 1`: the last of them only shows that there is a next page
 * @param cursorOf the cursor of the page that begins after a row
 */
export function cutPage<T, C>(rows: readonly T[], limit: number, cursorOf: (row: T) => C): Page<T, C> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { rows: page, nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}

/**
 * Reads one page by keyset pagination, the newest row first.
 *
 * @param before the cursor: the number of the row that the page begins after; undefined for the first page
 */
export async function newestFirst<T extends ObjectLiteral & { id: number }>(
  table: Table<T>,
  sql: Sql,
  condition: Condition | null,
  limit: number,
  before: number | undefined,
): Promise<Page<T>> {
  const older = both(condition, { sql: 'id < ?', values: [before ?? Number.MAX_SAFE_INTEGER] });
  const rest = `WHERE ${older.sql} ORDER BY id DESC LIMIT ?`;
  const rows = await table.select(sql, rest, ...older.values, limit + 1);
  return cutPage(rows, limit, ({ id }) => id);
}
