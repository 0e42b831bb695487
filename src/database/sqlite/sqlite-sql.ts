import type { Database } from 'better-sqlite3';
import { insertionOf } from '../sql.js';
import type { Sql, SqlRow, SqlValue } from '../sql.js';
import { Statements } from './statements.js';

/** SQL on a connection to SQLite. */
export function sqlOn(connection: Database): Sql {
  return new SqliteSql(new Statements(connection));
}

/** SQL on SQLite. Nothing waits here; the promises let callers work with a database that must be waited for. */
class SqliteSql implements Sql {
  constructor(private readonly statements: Statements) {}

  run(text: string, ...values: SqlValue[]): Promise<number> {
    return settled(() => this.statements.run(text, values));
  }

  rows(text: string, ...values: SqlValue[]): Promise<SqlRow[]> {
    return settled(() => this.statements.rows(text, values));
  }

  first(text: string, ...values: SqlValue[]): Promise<SqlRow | undefined> {
    return settled(() => this.statements.first(text, values));
  }

  count(text: string, ...values: SqlValue[]): Promise<number> {
    return settled(() => Number(this.statements.values(text, values)[0]?.[0] ?? 0));
  }

  values(text: string, ...values: SqlValue[]): Promise<SqlValue[][]> {
    return settled(() => this.statements.values(text, values));
  }

  insertRows(
    table: string,
    columns: readonly string[],
    rows: ReadonlyArray<readonly SqlValue[]>,
    returning: readonly string[] = [],
  ): Promise<SqlValue[][]> {
    const text = insertionOf(table, columns, returning);
    return settled(() => this.statements.insert(text, rows, returning.length > 0));
  }
}

/** Does the work at once; an error rejects, and is never thrown. */
function settled<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
