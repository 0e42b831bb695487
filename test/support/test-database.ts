import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { AppConfig } from '../../src/config/config.js';
import { dataSourceOptions } from '../../src/database/data-source.js';
import { writeMigratedDatabase } from './migrated-database.js';

/** An empty, migrated database of a test: a file, or a database in the PostgreSQL that runs for all tests. */
export interface TestDatabase {
  /** Its DATABASE_URL. */
  readonly url: string;
  /** Runs a statement as somebody else who has the database open. */
  run(text: string): Promise<void>;
  /** Removes it; nobody may be connected to it any more, or is cut off. */
  remove(): Promise<void>;
}

/** URL of the PostgreSQL that the tests run on; undefined if they run on SQLite. */
export const POSTGRES = process.env.PAPERMINDER_TEST_POSTGRES;

// For tests that read with TypeORM: counts and sums are numbers, as on SQLite.
for (const type of [pg.types.builtins.INT8, pg.types.builtins.NUMERIC]) pg.types.setTypeParser(type, Number);

/** For tests of what only SQLite has: its file, its lock, its threads. */
export const itOnSqlite = POSTGRES === undefined ? it : it.skip;
/** Like `itOnSqlite`, for a group of tests. */
export const describeOnSqlite = POSTGRES === undefined ? describe : describe.skip;

/** Creates a database; SQLite's lies in the given folder, as `paperminder.db`. */
export async function createTestDatabase(folder: string, server = POSTGRES): Promise<TestDatabase> {
  if (server === undefined) {
    const path = join(folder, 'paperminder.db');
    await writeMigratedDatabase(path);
    return fileDatabase(path);
  }
  await ensureTemplate(server);
  const name = `test_${randomBytes(6).toString('hex')}`;
  await query(server, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE} STRATEGY FILE_COPY`);
  return {
    url: inServer(server, name),
    run: (text) => query(inServer(server, name), text),
    remove: () => query(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** The database in an SQLite file. */
export function fileDatabase(path: string): TestDatabase {
  const run = async (text: string): Promise<void> => {
    const database = new SqliteDatabase(path);
    try {
      database.exec(text);
    } finally {
      database.close();
    }
  };
  return { url: `sqlite:///${path}`, run, remove: async () => undefined };
}

const TEMPLATE = 'paperminder_template';
// Any number: the workers of a test run take turns.
const TEMPLATE_LOCK = 7_311;

/** Creates the migrated database that all others are copies of, once for all the workers of a run. */
async function ensureTemplate(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [TEMPLATE]);
    if (rowCount === 1) return;
    const draft = `${TEMPLATE}_draft`;
    await client.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${draft}`);
    const config = new AppConfig({ DATABASE_URL: inServer(url, draft) });
    const dataSource = await new DataSource(dataSourceOptions(config)).initialize();
    await dataSource.destroy();
    await client.query(`ALTER DATABASE ${draft} RENAME TO ${TEMPLATE}`);
  } finally {
    await client.end();
  }
}

/** The URL of another database of the same server. */
function inServer(url: string, database: string): string {
  const result = new URL(url);
  result.pathname = `/${database}`;
  return result.href;
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
