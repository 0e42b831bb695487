import type { Sql } from '../sql.js';
import type { SqlRow, SqlValue, Statements } from '../statements.js';

/** SQL on SQLite. Nothing waits here; the promises let callers work with a database that must be waited for. */
export class SqliteSql implements Sql {
  constructor(private readonly statements: Statements) {}

  // Each method is async for its errors: they reject, and are never thrown.
  async run(text: string, ...values: SqlValue[]): Promise<number> {
    return this.statements.run(text, ...values);
  }

  async rows(text: string, ...values: SqlValue[]): Promise<SqlRow[]> {
    return this.statements.all(text, ...values);
  }

  async values(text: string, ...values: SqlValue[]): Promise<SqlValue[][]> {
    return this.statements.allValues(text, ...values);
  }
}
