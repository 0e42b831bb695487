/** A value that the database accepts and returns. */
export type SqlValue = string | number | bigint | null;

/** A row, keyed by the column names of the query. */
export type SqlRow = Record<string, SqlValue>;

/**
 * SQL within one transaction, or on one state of the database; `?` stands for a value. Each text is prepared once.
 *
 * The texts are SQLite's. What PostgreSQL writes in another way comes from the helpers of this file, or is one of the few constructs that
 * `postgres/translate.ts` knows.
 */
export interface Sql {
  /** Runs a statement, and resolves with the number of changed rows. */
  run(text: string, ...values: SqlValue[]): Promise<number>;
  /** All rows, keyed by the column names of the query. */
  rows(text: string, ...values: SqlValue[]): Promise<SqlRow[]>;
  /** The first row. */
  first(text: string, ...values: SqlValue[]): Promise<SqlRow | undefined>;
  /** The single number that a query returns; 0 if that is null. */
  count(text: string, ...values: SqlValue[]): Promise<number>;
  /** The values of all rows, in the order of the query: building an object per row would double the cost of reading it. */
  values(text: string, ...values: SqlValue[]): Promise<SqlValue[][]>;
  /**
   * Inserts rows, in the way that costs the database least.
   *
   * @param returning columns of the new rows to resolve with; absent: nothing is returned
   */
  insertRows(
    table: string,
    columns: readonly string[],
    rows: ReadonlyArray<readonly SqlValue[]>,
    returning?: readonly string[],
  ): Promise<SqlValue[][]>;
}

/** The type of a column, which PostgreSQL wants to know of values in JSON. */
export type ColumnType = 'integer' | 'text' | 'boolean' | 'instant';

/**
 * A table of rows that is passed as one value, whatever their number: a JSON list of lists (`jsonRows`). Use it after FROM.
 *
 * @param columns the names and types of the elements of each row
 */
export function rowsOf(columns: Readonly<Record<string, ColumnType>>): string {
  const picked = Object.entries(columns).map(
    ([column, type], index) => `json_extract(value, '$[${index}]' /*${type}*/) AS ${column}`,
  );
  return `(SELECT ${picked.join(', ')} FROM json_each(?))`;
}

/** Columns of `rowsOf` that are all of one type. */
export function allOf(type: ColumnType, columns: readonly string[]): Record<string, ColumnType> {
  return Object.fromEntries(columns.map((column) => [column, type]));
}

/** True for the integers of a list that is passed as one value (`jsonList`). Use it after a column. */
export const IN_INTEGERS = 'IN (SELECT value FROM json_each(?) /*integer*/)';

/** Like `IN_INTEGERS`, for texts. */
export const IN_TEXTS = 'IN (SELECT value FROM json_each(?) /*text*/)';

/** A condition: a column that contains a JSON list of integers has this one. @param integer a column, or a placeholder */
export function hasInteger(column: string, integer: string): string {
  return `EXISTS (SELECT 1 FROM json_each(${column}) WHERE value = ${integer})`;
}

/** A placeholder for an instant (`sqlInstant`) where the database cannot tell the type, as in the list of a SELECT. */
export const INSTANT = '? /*instant*/';

/** The value for the placeholder in `IN_INTEGERS` and `IN_TEXTS`. */
export function jsonList(values: Iterable<SqlValue>): string {
  return JSON.stringify([...values]);
}

/** The value for the placeholder in `rowsOf`. */
export function jsonRows(rows: Iterable<readonly SqlValue[]>): string {
  return JSON.stringify([...rows]);
}

/** The statement that inserts one row, with a placeholder for each column. */
export function insertionOf(table: string, columns: readonly string[], returning: readonly string[]): string {
  const places = columns.map(() => '?').join(', ');
  const insertion = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`;
  return returning.length > 0 ? `${insertion} RETURNING ${returning.join(', ')}` : insertion;
}
