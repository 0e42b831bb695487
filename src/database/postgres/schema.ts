import type { Client } from 'pg';
import { DataSource } from 'typeorm';
import type { DataSourceOptions } from 'typeorm';
import { StartupError } from '../../common/startup-error.js';
import { requireKnownSchema, schemaDifference } from '../schema-difference.js';
import { connect } from './connect.js';

// PostgreSQL 14 as SHOW server_version_num prints it. Older versions lack what the statements use, and get no fixes any more.
const OLDEST_VERSION = 140_000;

// Any number will do, as long as no other program takes it: "PMsv" in ASCII.
const SERVER_LOCK = 0x504d7376;

/** Makes the holder of this connection the only server on the database, until the connection ends; false if there is one already. */
export async function takeServerLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [
    SERVER_LOCK,
  ]);
  return rows[0]?.taken === true;
}

/**
 * Opens the data source, and brings the schema up to date.
 *
 * @throws StartupError if PostgreSQL is too old, another server uses the database, or the schema is that of a newer server
 */
export async function migratePostgres(url: string, options: DataSourceOptions): Promise<DataSource> {
  const client = await connect(url, 'paperminder setup');
  try {
    await requireVersion(client);
    if (!(await takeServerLock(client))) throw new StartupError(inUse(url));
    requireKnownSchema(nameOf(url), await appliedMigrations(client));
    return await new DataSource(options).initialize();
  } finally {
    // Releases the lock, too.
    await client.end();
  }
}

/**
 * Checks the database for commands that work on an existing one.
 *
 * @throws StartupError if its schema is not exactly this program's version
 */
export async function requireSameSchema(client: Client, url: string): Promise<void> {
  await requireVersion(client);
  const applied = await appliedMigrations(client);
  requireKnownSchema(nameOf(url), applied);
  const [missing] = schemaDifference(applied).missing;
  if (missing === undefined) return;
  throw new StartupError(
    applied.length === 0
      ? `The database ${nameOf(url)} belongs to no server yet (DATABASE_URL). Start the server once, or set DATABASE_URL`
      : `The database ${nameOf(url)} was written by an older version of the server (it lacks migration ${missing}). Start this version once`,
  );
}

/** Describes a database without its password: `postgres://host:5432/name`. */
export function nameOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
}

async function requireVersion(client: Client): Promise<void> {
  const { rows } = await client.query<{ number: number; version: string }>(
    `SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS version`,
  );
  const [{ number, version } = { number: 0, version: '' }] = rows;
  if (number < OLDEST_VERSION)
    throw new StartupError(
      `The server needs PostgreSQL 14 or newer, and the database has version ${version}`,
    );
}

async function appliedMigrations(client: Client): Promise<string[]> {
  const { rows: tables } = await client.query<{ found: string | null }>(
    `SELECT to_regclass('migrations') AS found`,
  );
  if (tables[0]?.found == null) return [];
  const { rows } = await client.query<{ name: string }>('SELECT name FROM migrations ORDER BY timestamp');
  return rows.map(({ name }) => name);
}

/** Says that another server uses a database. */
export function inUse(url: string): string {
  return `The database ${nameOf(url)} is in use by another server. Stop that one first`;
}
