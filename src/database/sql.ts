/** A value that the database accepts and returns. */
export type SqlValue = string | number | bigint | null;

/** A row, keyed by the column names of the query. */
export type SqlRow = Record<string, SqlValue>;

/** SQL within one transaction, or on one state of the database; `?` stands for a value. Each text is prepared once. */
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

/**
 * A table of rows that is passed as one value, whatever their number: a JSON list of lists (`jsonRows`). Use it after FROM.
 *
 * @param columns the names of the elements of each row
 */
export function rowsOf(columns: readonly string[]): string {
  const picked = columns.map((column, index) => `json_extract(value, '$[${index}]') AS ${column}`);
  return `(SELECT ${picked.join(', ')} FROM json_each(?))`;
}

/** A list that is passed as one value (`jsonList`). Use it after IN. */
export const LIST = '(SELECT value FROM json_each(?))';

/** The value for the placeholder in `LIST`. */
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
