import { both } from '../../database/page.js';
import type { Condition } from '../../database/page.js';
import type { SqlValue, Statements } from '../../database/statements.js';

/** What printers can be walked by: each has an index that ends in the number. */
export type KeyColumn = 'name' | 'version_key' | 'uuid';

const EXPRESSIONS: Record<KeyColumn, string> = {
  // As in its index: the case of the letters A to Z does not count.
  name: 'name COLLATE NOCASE',
  version_key: 'version_key',
  uuid: 'uuid',
};

/** Where a walk has got to. */
export interface Position {
  /** What the printer has in the column of the path; '' where it has none. */
  key: string;
  id: number;
}

/** A way along an index of the printers. */
export interface IndexRange {
  /** What the index begins with. */
  fixed: Condition | null;
  /** The column that it goes on with, before the number; null: none. */
  key: KeyColumn | null;
  /** The least text of that column, and the one that it stays below. */
  from: string;
  below: string;
}

// Above every text that a printer may have; a name has 128 characters at most.
const HIGHEST = '\u{10FFFF}';
const LONGEST_KEY = 129;

/** The whole of an index. */
export function wholeRange(key: KeyColumn | null, fixed: Condition | null = null): IndexRange {
  return { fixed, key, from: '', below: HIGHEST.repeat(LONGEST_KEY) };
}

/** The texts of a column that begin with this one. */
export function prefixRange(key: KeyColumn, prefix: string): IndexRange {
  return { fixed: null, key, from: prefix, below: prefix + HIGHEST.repeat(LONGEST_KEY) };
}

/** True for what `prefixRange` leads along, as a condition that no index is used for. */
export function inRange({ key, from, below }: IndexRange): Condition {
  const expression = `(+${key})${key === 'name' ? ' COLLATE NOCASE' : ''}`;
  return { sql: `(${expression} >= ? AND ${expression} < ?)`, values: [from, below] };
}

/** Some rows that lie next to each other on a path. */
export interface Batch {
  /** What follows `FROM printer`, in the order of the path. */
  rest: string;
  values: SqlValue[];
}

/**
 * A path, slice by slice, so that no statement looks at more rows than that. Among printers that have the same key (thousands may
 * have one name) it goes by number.
 *
 * @param after where it begins, exclusively; null: at the end of the path that comes first
 */
export function* slicesOf(
  db: Statements,
  path: IndexRange,
  descending: boolean,
  after: Position | null,
  size: number,
): Generator<Batch> {
  if (path.key === null) {
    yield* sameKey(db, path.fixed, descending, after?.id, size);
    return;
  }
  const expression = EXPRESSIONS[path.key];
  let position = withinRange(path, descending, after);
  while (position !== 'behind') {
    if (position !== null) {
      const same = both(path.fixed, { sql: `${expression} = ?`, values: [position.key] });
      yield* sameKey(db, same, descending, position.id, size);
    }
    const { sql, values } = both(path.fixed, beyond(path, expression, descending, position));
    const direction = descending ? 'DESC' : 'ASC';
    const rest = `WHERE ${sql} ORDER BY ${expression} ${direction}, id ${direction}`;
    yield { rest: `${rest} LIMIT ?`, values: [...values, size] };
    position = lastOf(db, path.key, rest, values, size) ?? 'behind';
  }
}

function* sameKey(
  db: Statements,
  fixed: Condition | null,
  descending: boolean,
  after: number | undefined,
  size: number,
): Generator<Batch> {
  const id = { sql: `id ${descending ? '<' : '>'} ?`, values: [] };
  const { sql, values } = both(fixed, id);
  const rest = `WHERE ${sql} ORDER BY id ${descending ? 'DESC' : 'ASC'}`;
  let position: number | undefined = after ?? (descending ? Number.MAX_SAFE_INTEGER : 0);
  while (position !== undefined) {
    yield { rest: `${rest} LIMIT ?`, values: [...values, position, size] };
    position = lastOf(db, null, rest, [...values, position], size)?.id;
  }
}

function beyond(
  path: IndexRange,
  expression: string,
  descending: boolean,
  position: Position | null,
): Condition {
  const sql = (from: string): string => `${expression} ${from} ? AND ${expression} < ?`;
  if (descending) return { sql: sql('>='), values: [path.from, position?.key ?? path.below] };
  return { sql: sql(position === null ? '>=' : '>'), values: [position?.key ?? path.from, path.below] };
}

/** The last row of a slice; undefined where the slice is not full, and so the last one. */
function lastOf(
  db: Statements,
  key: KeyColumn | null,
  rest: string,
  values: SqlValue[],
  size: number,
): Position | undefined {
  const row = db.getValues(
    `SELECT id, ${key ?? `''`} FROM printer ${rest} LIMIT 1 OFFSET ?`,
    ...values,
    size - 1,
  );
  return row && { id: Number(row[0]), key: String(row[1]) };
}

/** A position is what somebody sent: one that lies off the path must not lead off it. */
function withinRange(
  path: IndexRange,
  descending: boolean,
  after: Position | null,
): Position | null | 'behind' {
  if (after === null) return null;
  const key = sortable(after.key);
  const tooLow = key < sortable(path.from);
  const tooHigh = key >= sortable(path.below);
  if (!tooLow && !tooHigh) return after;
  return tooLow === descending ? 'behind' : null;
}

/** A text that JavaScript compares as SQLite's NOCASE compares the one that it is made of: by bytes of UTF-8, A to Z as a to z. */
export function sortable(text: string): string {
  return text
    .replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    .replace(/[\uD800-\uFFFF]/g, (unit) => String.fromCharCode(inOrderOfUtf8(unit.charCodeAt(0))));
}

// JavaScript compares UTF-16 units: there, what is above U+FFFF (surrogates, from D800) comes before U+E000 to U+FFFF.
function inOrderOfUtf8(unit: number): number {
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
