import type { Sql, SqlRow, SqlValue } from '../sql.js';
import type { Database } from 'better-sqlite3';
import { Statements } from './statements.js';

/** SQL on a connection to SQLite. */
export function sqlOn(connection: Database): Sql {
  return new SqliteSql(new Statements(connection));
}

/** SQL on SQLite. Nothing waits here; the promises let callers work with a database that must be waited for. */
class SqliteSql implements Sql {
  constructor(private readonly statements: Statements) {}

  run(text: string, ...values: SqlValue[]): Promise<number> {
    return settled(() => this.statements.run(text, ...values));
  }

  rows(text: string, ...values: SqlValue[]): Promise<SqlRow[]> {
    return settled(() => this.statements.all(text, ...values));
  }

  first(text: string, ...values: SqlValue[]): Promise<SqlRow | undefined> {
    return settled(() => this.statements.get(text, ...values));
  }

  count(text: string, ...values: SqlValue[]): Promise<number> {
    return settled(() => Number(this.statements.getValues(text, ...values)?.[0] ?? 0));
  }

  values(text: string, ...values: SqlValue[]): Promise<SqlValue[][]> {
    return settled(() => this.statements.allValues(text, ...values));
  }

  // A prepared statement for each row costs half as much as one statement that takes the rows out of JSON.
  insertRows(
    table: string,
    columns: readonly string[],
    rows: ReadonlyArray<readonly SqlValue[]>,
    returning: readonly string[] = [],
  ): Promise<SqlValue[][]> {
    const places = columns.map(() => '?').join(', ');
    const insertion = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`;
    return settled(() => {
      if (returning.length > 0)
        return rows.flatMap((row) =>
          this.statements.allValues(`${insertion} RETURNING ${returning.join(', ')}`, ...row),
        );
      for (const row of rows) this.statements.run(insertion, ...row);
      return [];
    });
  }
}

/** Does the work at once; an error rejects, and is never thrown. */
function settled<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
