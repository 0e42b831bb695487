import type { QueryArrayConfig, QueryArrayResult } from 'pg';
import type { Sql, SqlRow, SqlValue } from '../sql.js';
import { unreachable } from './connect.js';
import { toPostgresJson, toPostgresText } from './texts.js';
import { translate } from './translate.js';
import { VALUES } from './values.js';

/** Sends a statement, and resolves with its result. Statements are sent in the order of the calls. */
export type Send = (statement: QueryArrayConfig) => Promise<QueryArrayResult<SqlValue[]>>;

/** SQL on PostgreSQL. */
export class PostgresSql implements Sql {
  /** Number of rows that statements have changed so far. */
  changes = 0;

  constructor(private readonly send: Send) {}

  async run(text: string, ...values: SqlValue[]): Promise<number> {
    const { rowCount } = await this.query(text, values);
    return rowCount ?? 0;
  }

  async rows(text: string, ...values: SqlValue[]): Promise<SqlRow[]> {
    const { fields, rows } = await this.query(text, values);
    const names = fields.map(({ name }) => name);
    return rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? null])));
  }

  async first(text: string, ...values: SqlValue[]): Promise<SqlRow | undefined> {
    const [row] = await this.rows(text, ...values);
    return row;
  }

  async count(text: string, ...values: SqlValue[]): Promise<number> {
    const [row] = await this.values(text, ...values);
    return Number(row?.[0] ?? 0);
  }

  async values(text: string, ...values: SqlValue[]): Promise<SqlValue[][]> {
    const { rows } = await this.query(text, values);
    return rows;
  }

  insertRows(
    table: string,
    columns: readonly string[],
    rows: ReadonlyArray<readonly SqlValue[]>,
    returning: readonly string[] = [],
  ): Promise<SqlValue[][]> {
    const names = columns.join(', ');
    // The types of the columns are those of the table.
    const text = `INSERT INTO ${table} (${names}) SELECT ${names} FROM json_populate_recordset(NULL::${table}, ?::json)`;
    const records = rows.map((row) =>
      Object.fromEntries(columns.map((column, index) => [column, row[index] ?? null])),
    );
    return this.values(
      returning.length > 0 ? `${text} RETURNING ${returning.join(', ')}` : text,
      JSON.stringify(records),
    );
  }

  private async query(text: string, values: SqlValue[]): Promise<QueryArrayResult<SqlValue[]>> {
    const { name, text: translated, isJson } = translate(text);
    const result = await this.send({
      name,
      text: translated,
      values: values.map((value, index) =>
        typeof value !== 'string'
          ? value
          : isJson[index] === true
            ? toPostgresJson(value)
            : toPostgresText(value),
      ),
      rowMode: 'array',
      types: VALUES,
    }).catch((error: unknown) => {
      throw unreachable(error);
    });
    if (result.command !== 'SELECT') this.changes += result.rowCount ?? 0;
    return result;
  }
}
