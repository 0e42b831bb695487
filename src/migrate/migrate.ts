import { copyFile } from 'node:fs/promises';
import { StartupError } from '../common/startup-error.js';
import type { AppConfig } from '../config/config.js';
import { dataFiles } from '../config/data-files.js';
import { lockData } from '../database/lock/data-lock.js';
import { dataSourceOptions } from '../database/data-source.js';
import { connect } from '../database/postgres/connect.js';
import { PostgresSql } from '../database/postgres/postgres-sql.js';
import { inUse, migratePostgres, nameOf, takeServerLock } from '../database/postgres/schema.js';
import type { Sql } from '../database/sql.js';
import { connect as openFile } from '../database/sqlite/connect.js';
import { requireDatabase, requireSameSchema } from '../database/sqlite/schema-check.js';
import { sqlOn } from '../database/sqlite/sqlite-sql.js';
import { contentOf, copyTable, tablesOf } from './tables.js';
import type { CopiedTable } from './tables.js';

/** What was copied. */
export interface Migrated {
  tables: number;
  rows: number;
}

/**
 * Copies a server's database from SQLite to PostgreSQL, with the numbers of all rows, and verifies that both contain the same. Either
 * everything is there afterwards, or nothing. Binaries stay where they are: both settings name the same folder.
 *
 * @param overwrite true: what the target contains is replaced; false: it must be empty
 * @throws StartupError if a server uses one of them, the source has another schema, or the target is not empty
 */
export async function migrate(source: AppConfig, target: AppConfig, overwrite: boolean): Promise<Migrated> {
  const { databasePath } = source;
  const { postgresUrl } = target;
  if (databasePath === null)
    throw new StartupError('--from must be the URL of an SQLite file: sqlite:///./paperminder.db');
  if (postgresUrl === null) throw new StartupError('--to must be postgres://user:password@host:5432/name');
  requireDatabase(databasePath);
  // Nothing may be written to it any more: it would be missing in the copy.
  const lock = lockData(source);
  try {
    requireSameSchema(databasePath);
    const migrated = await copyDatabase(databasePath, target, postgresUrl, overwrite);
    await copySecrets(source, target);
    return migrated;
  } finally {
    lock.release();
  }
}

async function copyDatabase(
  path: string,
  target: AppConfig,
  url: string,
  overwrite: boolean,
): Promise<Migrated> {
  const setUp = await migratePostgres(url, dataSourceOptions(target));
  await setUp.destroy();
  const client = await connect(url, 'paperminder migrate');
  const file = openFile({ path, readonly: true });
  try {
    if (!(await takeServerLock(client))) throw new StartupError(inUse(url));
    const to = new PostgresSql((statement) => client.query(statement));
    // Reading the file takes as long as it takes.
    await to.run('SET idle_in_transaction_session_timeout = 0');
    await to.run('BEGIN');
    const migrated = await copyTables(sqlOn(file), to, nameOf(url), overwrite);
    const { command } = await client.query('COMMIT');
    if (command !== 'COMMIT') throw new Error('PostgreSQL has rolled the copy back');
    return migrated;
  } finally {
    file.close();
    // Rolls back what is not committed.
    await client.end();
  }
}

async function copyTables(from: Sql, to: Sql, name: string, overwrite: boolean): Promise<Migrated> {
  const tables = await tablesOf(to);
  await clear(to, tables, name, overwrite);
  let rows = 0;
  for (const table of tables) {
    const copied = await copyTable(from, to, table);
    const found = await contentOf(to, table);
    if (copied.rows !== found.rows || copied.sha256 !== found.sha256)
      throw new Error(
        `The copy of the table ${table.name} differs: ${copied.rows} rows with SHA-256 ${copied.sha256} became ` +
          `${found.rows} rows with ${found.sha256}. Nothing was changed in ${name}`,
      );
    rows += copied.rows;
    if (table.columns.includes('id')) await continueNumbers(from, to, table);
  }
  return { tables: tables.length, rows };
}

async function clear(
  to: Sql,
  tables: readonly CopiedTable[],
  name: string,
  overwrite: boolean,
): Promise<void> {
  const filled: string[] = [];
  for (const table of tables)
    if ((await to.first(`SELECT 1 FROM ${table.name} LIMIT 1`)) !== undefined) filled.push(table.name);
  if (filled.length === 0) return;
  if (!overwrite)
    throw new StartupError(
      `The database ${name} is not empty (${filled.join(', ')}). To replace everything in it, add --overwrite`,
    );
  await to.run(`TRUNCATE ${tables.map((table) => table.name).join(', ')}`);
}

/** The number of a deleted row is not assigned again: histories still name it. */
async function continueNumbers(from: Sql, to: Sql, { name }: CopiedTable): Promise<void> {
  const last = await from.count('SELECT seq FROM sqlite_sequence WHERE name = ?', name);
  if (last === 0) return;
  await to.count(
    `SELECT setval(pg_get_serial_sequence(?, 'id'), ?) WHERE pg_get_serial_sequence(?, 'id') IS NOT NULL`,
    name,
    last,
    name,
  );
}

/** Keeps the addresses in update messages valid, and the claim token. */
async function copySecrets(source: AppConfig, target: AppConfig): Promise<void> {
  const [from, to] = [dataFiles(source), dataFiles(target)];
  for (const name of ['downloadSecret', 'claimToken'] as const) {
    if (from[name] === to[name]) continue;
    await copyFile(from[name], to[name]).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
  }
}
