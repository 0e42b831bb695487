import { both } from '../../database/page.js';
import type { Condition } from '../../database/page.js';
import type { Sql, SqlValue } from '../../database/sql.js';

/** Columns that printers can be read in order of: each has an index that ends in the number. */
export type KeyColumn = 'name' | 'version_key' | 'uuid';

const EXPRESSIONS: Record<KeyColumn, string> = {
  // As in its index: the case of A to Z is ignored.
  name: 'name COLLATE NOCASE',
  version_key: 'version_key',
  uuid: 'uuid',
};

/** A position in an index range. */
export interface Position {
  /** The printer's value in the column of the range; '' if the range has none. */
  key: string;
  id: number;
}

/** A range of an index of `printer`, to be read in slices. */
export interface IndexRange {
  /** Fixed values of the leading columns; null if there are none. */
  fixed: Condition | null;
  /** The column that comes next, before the number; null if there is none. */
  key: KeyColumn | null;
  /** The lowest value of that column (inclusive), and the upper bound (exclusive). */
  from: string;
  below: string;
}

// Above every text that a printer may have; a name has 128 characters at most.
const HIGHEST = '\u{10FFFF}';
const LONGEST_KEY = 129;

/** A whole index. */
export function wholeRange(key: KeyColumn | null, fixed: Condition | null = null): IndexRange {
  return { fixed, key, from: '', below: HIGHEST.repeat(LONGEST_KEY) };
}

/** The values of a column that begin with a text. */
export function prefixRange(key: KeyColumn, prefix: string): IndexRange {
  return { fixed: null, key, from: prefix, below: prefix + HIGHEST.repeat(LONGEST_KEY) };
}

/** The condition for rows within a range, written so that SQLite uses no index for it. */
export function inRange({ key, from, below }: IndexRange): Condition {
  const expression = `(+${key})${key === 'name' ? ' COLLATE NOCASE' : ''}`;
  return { sql: `(${expression} >= ? AND ${expression} < ?)`, values: [from, below] };
}

/** A slice of an index range. */
export interface Batch {
  /** The SQL after `FROM printer`, in the order of the range. */
  rest: string;
  values: SqlValue[];
}

/**
 * Reads a range slice by slice, so that no statement reads more than `size` rows. Printers with the same key (thousands may share a name)
 * are read by number.
 *
 * @param after position to start after; null to start at the first end of the range
 */
export async function* slicesOf(
  sql: Sql,
  range: IndexRange,
  descending: boolean,
  after: Position | null,
  size: number,
): AsyncGenerator<Batch> {
  if (range.key === null) {
    yield* sameKey(sql, range.fixed, descending, after?.id, size);
    return;
  }
  const expression = EXPRESSIONS[range.key];
  let position = withinRange(range, descending, after);
  while (position !== 'behind') {
    // PostgreSQL has the names in its index in lower case. To SQLite it makes no difference.
    if (position !== null && range.key === 'name') position = { ...position, key: lowerCase(position.key) };
    if (position !== null) {
      const same = both(range.fixed, { sql: `${expression} = ?`, values: [position.key] });
      yield* sameKey(sql, same, descending, position.id, size);
    }
    const condition = both(range.fixed, beyond(range, expression, descending, position));
    const direction = descending ? 'DESC' : 'ASC';
    const rest = `WHERE ${condition.sql} ORDER BY ${expression} ${direction}, id ${direction}`;
    yield { rest: `${rest} LIMIT ?`, values: [...condition.values, size] };
    position = (await lastOf(sql, range.key, rest, condition.values, size)) ?? 'behind';
  }
}

async function* sameKey(
  sql: Sql,
  fixed: Condition | null,
  descending: boolean,
  after: number | undefined,
  size: number,
): AsyncGenerator<Batch> {
  const id = { sql: `id ${descending ? '<' : '>'} ?`, values: [] };
  const condition = both(fixed, id);
  const rest = `WHERE ${condition.sql} ORDER BY id ${descending ? 'DESC' : 'ASC'}`;
  let position: number | undefined = after ?? (descending ? Number.MAX_SAFE_INTEGER : 0);
  while (position !== undefined) {
    yield { rest: `${rest} LIMIT ?`, values: [...condition.values, position, size] };
    position = (await lastOf(sql, null, rest, [...condition.values, position], size))?.id;
  }
}

function beyond(
  range: IndexRange,
  expression: string,
  descending: boolean,
  position: Position | null,
): Condition {
  const sql = (from: string): string => `${expression} ${from} ? AND ${expression} < ?`;
  if (descending) return { sql: sql('>='), values: [range.from, position?.key ?? range.below] };
  return { sql: sql(position === null ? '>=' : '>'), values: [position?.key ?? range.from, range.below] };
}

/** The last row of a slice; undefined if the slice is not full, which makes it the last one. */
async function lastOf(
  sql: Sql,
  key: KeyColumn | null,
  rest: string,
  values: SqlValue[],
  size: number,
): Promise<Position | undefined> {
  const [row] = await sql.values(
    `SELECT id, ${key ?? `''`} FROM printer ${rest} LIMIT 1 OFFSET ?`,
    ...values,
    size - 1,
  );
  return row && { id: Number(row[0]), key: String(row[1]) };
}

/** A position comes from a client: one outside the range must not lead outside it. */
function withinRange(
  range: IndexRange,
  descending: boolean,
  after: Position | null,
): Position | null | 'behind' {
  if (after === null) return null;
  const key = sortable(after.key);
  const tooLow = key < sortable(range.from);
  const tooHigh = key >= sortable(range.below);
  if (!tooLow && !tooHigh) return after;
  return tooLow === descending ? 'behind' : null;
}

/** Maps a text to one that JavaScript sorts as SQLite's NOCASE sorts the original: by bytes of UTF-8, with A to Z as a to z. */
export function sortable(text: string): string {
  return lowerCase(text).replace(/[\uD800-\uFFFF]/g, (unit) =>
    String.fromCharCode(inOrderOfUtf8(unit.charCodeAt(0))),
  );
}

function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

// JavaScript compares UTF-16 units, in which characters above U+FFFF (surrogates, from D800) sort before U+E000 to U+FFFF.
function inOrderOfUtf8(unit: number): number {
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
