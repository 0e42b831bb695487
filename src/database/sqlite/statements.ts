import type { Database, Statement } from 'better-sqlite3';
import type { SqlRow, SqlValue } from '../sql.js';

/**
 * SQL on one connection with each text prepared once, for hot paths. Everything here is synchronous, so no statement may touch a number of
 * rows that grows with the fleet.
 */
export class Statements {
  private readonly prepared = new Map<string, Statement<SqlValue[], SqlRow>>();
  private readonly preparedRaw = new Map<string, Statement<SqlValue[], SqlValue[]>>();

  constructor(private readonly database: Database) {}

  /** Runs a statement, and returns the number of changed rows. */
  run(sql: string, ...values: SqlValue[]): number {
    return this.prepare(sql).run(...values).changes;
  }

  /** The first row. */
  get(sql: string, ...values: SqlValue[]): SqlRow | undefined {
    return this.prepare(sql).get(...values);
  }

  /** All rows. */
  all(sql: string, ...values: SqlValue[]): SqlRow[] {
    return this.prepare(sql).all(...values);
  }

  /** The values of the first row, in the order of the query: building an object per row would double the cost of reading it. */
  getValues(sql: string, ...values: SqlValue[]): SqlValue[] | undefined {
    return this.prepareRaw(sql).get(...values);
  }

  /** The values of all rows, in the order of the query. */
  allValues(sql: string, ...values: SqlValue[]): SqlValue[][] {
    return this.prepareRaw(sql).all(...values);
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
