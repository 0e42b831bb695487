import type { Database, Statement } from 'better-sqlite3';

/** What SQLite takes and gives as a value. */
export type SqlValue = string | number | bigint | null;

/** A row as SQLite gives it, by the names of the query. */
export type SqlRow = Record<string, SqlValue>;

/**
 * SQL on one connection, each text prepared once: for the paths that every printer takes. Everything here is
 * synchronous; a statement that may touch a number of rows that grows with the fleet does not belong here.
 */
export class Statements {
  private readonly prepared = new Map<string, Statement<SqlValue[], SqlRow>>();
  private readonly preparedRaw = new Map<string, Statement<SqlValue[], SqlValue[]>>();

  constructor(private readonly database: Database) {}

  /** Runs a statement, and says how many rows it changed. */
  run(sql: string, ...values: SqlValue[]): number {
    return this.prepare(sql).run(...values).changes;
  }

  /** Runs an insert, and returns the number of the new row. */
  insert(sql: string, ...values: SqlValue[]): number {
    return Number(this.prepare(sql).run(...values).lastInsertRowid);
  }

  /** The first row. */
  get(sql: string, ...values: SqlValue[]): SqlRow | undefined {
    return this.prepare(sql).get(...values);
  }

  /** All rows. */
  all(sql: string, ...values: SqlValue[]): SqlRow[] {
    return this.prepare(sql).all(...values);
  }

  /** The values of the first row, in the order of the query: an object for each row costs as much again as the row. */
  getValues(sql: string, ...values: SqlValue[]): SqlValue[] | undefined {
    return this.prepareRaw(sql).get(...values);
  }

  /** The values of all rows, in the order of the query. */
  allValues(sql: string, ...values: SqlValue[]): SqlValue[][] {
    return this.prepareRaw(sql).all(...values);
  }

  /** The single number that a query answers with; 0 where that is null. */
  count(sql: string, ...values: SqlValue[]): number {
    return Number(this.getValues(sql, ...values)?.[0] ?? 0);
  }

  private prepare(sql: string): Statement<SqlValue[], SqlRow> {
    let statement = this.prepared.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare<SqlValue[], SqlRow>(sql);
      this.prepared.set(sql, statement);
    }
    return statement;
  }

  private prepareRaw(sql: string): Statement<SqlValue[], SqlValue[]> {
    let statement = this.preparedRaw.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare<SqlValue[], SqlValue[]>(sql).raw();
      this.preparedRaw.set(sql, statement);
    }
    return statement;
  }
}
