import { createHash } from 'node:crypto';
import type { Sql, SqlValue } from '../database/sql.js';

// Rows at a time: some megabytes at most.
const CHUNK = 2_000;

// In the order of their creation, in which each table comes after those that it references.
const TABLES = `SELECT relname FROM pg_class
  WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname <> 'migrations' ORDER BY oid`;
const COLUMNS = `SELECT attname FROM pg_attribute
  WHERE attrelid = CAST(? AS regclass) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`;
const KEY = `SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
  WHERE indrelid = CAST(? AS regclass) AND indisprimary ORDER BY array_position(indkey, attnum)`;

/** A table that is copied from one database to the other. */
export interface CopiedTable {
  name: string;
  columns: string[];
  /** The columns of its primary key. */
  key: string[];
}

/** What a table contains: equal for two tables only if they have the same rows. */
export interface Content {
  rows: number;
  sha256: string;
}

/** The tables of a migrated PostgreSQL database, each after those that it references. */
export async function tablesOf(postgres: Sql): Promise<CopiedTable[]> {
  const names = async (text: string, ...values: SqlValue[]): Promise<string[]> =>
    (await postgres.values(text, ...values)).map(([name]) => String(name));
  const tables: CopiedTable[] = [];
  for (const name of await names(TABLES))
    tables.push({ name, columns: await names(COLUMNS, name), key: await names(KEY, name) });
  return tables;
}

/** Copies all rows of a table, and resolves with what it contains. */
export async function copyTable(from: Sql, to: Sql, table: CopiedTable): Promise<Content> {
  return digest(table, from, async (rows) => {
    await to.insertRows(table.name, table.columns, rows);
  });
}

/** Reads what a table contains. */
export function contentOf(sql: Sql, table: CopiedTable): Promise<Content> {
  return digest(table, sql, () => Promise.resolve());
}

async function digest(
  table: CopiedTable,
  sql: Sql,
  eachChunk: (rows: SqlValue[][]) => Promise<void>,
): Promise<Content> {
  const hash = createHash('sha256');
  let rows = 0;
  for await (const chunk of chunksOf(sql, table)) {
    for (const row of chunk) hash.update(`${JSON.stringify(row)}\n`);
    rows += chunk.length;
    await eachChunk(chunk);
  }
  return { rows, sha256: hash.digest('hex') };
}

/** All rows in the order of the primary key, which is the same in both databases. */
async function* chunksOf(sql: Sql, { name, columns, key }: CopiedTable): AsyncGenerator<SqlValue[][]> {
  const select = `SELECT ${columns.join(', ')} FROM ${name}`;
  const order = `ORDER BY ${key.join(', ')} LIMIT ?`;
  const after = `WHERE (${key.join(', ')}) > (${key.map(() => '?').join(', ')})`;
  const positions = key.map((column) => columns.indexOf(column));
  let chunk = await sql.values(`${select} ${order}`, CHUNK);
  while (chunk.length > 0) {
    yield chunk;
    const last = chunk.at(-1) ?? [];
    const position = positions.map((index) => last[index] ?? null);
    chunk = await sql.values(`${select} ${after} ${order}`, ...position, CHUNK);
  }
}
