import pg from 'pg';
import type { Client, ClientConfig, Pool } from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionLostError } from '../../common/errors.js';

// Milliseconds until an attempt to connect is given up.
const CONNECT_TIMEOUT_MS = 5_000;
// Milliseconds after which PostgreSQL ends a transaction that its client has forgotten.
const IDLE_IN_TRANSACTION_MS = 3_000;

// How instants are read (values.ts), whatever the server's own time zone is.
const SET_UP = `SELECT set_config('TimeZone', 'UTC', false),
  set_config('idle_in_transaction_session_timeout', '${IDLE_IN_TRANSACTION_MS}', false)`;

/** @param name what PostgreSQL calls the connection in its own lists */
function optionsOf(url: string, name: string): ClientConfig {
  return {
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    pipeline: true,
  };
}

/** Opens a connection. @throws UnavailableError if that fails */
export async function connect(url: string, name: string): Promise<Client> {
  const client = new pg.Client(optionsOf(url, name));
  // Without a listener, a connection that breaks would end the process. The statements that wait for it reject.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(SET_UP);
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw unreachable(error);
  }
}

/** A pool of connections that read. @param size the maximum number of its connections */
export function poolOf(url: string, name: string, size: number): Pool {
  const pool = new pg.Pool({ ...optionsOf(url, name), max: size });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    client.query(SET_UP).catch(() => undefined);
  });
  return pool;
}

// Classes of PostgreSQL's errors after which the connection is gone: connection exception, operator intervention.
const CONNECTION_LOST = /^(?:08|57P)/;

/** The error for a database that cannot be reached, or has closed the connection; other errors of PostgreSQL stay what they are. */
export function unreachable(error: unknown): Error {
  if (error instanceof pg.DatabaseError && !CONNECTION_LOST.test(error.code ?? '')) return error;
  if (error instanceof ConnectionLostError) return error;
  return new ConnectionLostError(
    `The database cannot be reached: ${error instanceof Error ? error.message || error.name : String(error)}`,
  );
}

// Milliseconds between attempts. A database that is restarted, or replaced by its standby, is back after a few seconds.
const RETRY_AFTER_MS = [50, 200, 500, 1_000, 1_500, 2_000];

/**
 * Tries again while the database cannot be reached, for about five seconds.
 *
 * @param isStopping true if there is no use in it any more
 */
export async function persistently<T>(attempt: () => Promise<T>, isStopping: () => boolean): Promise<T> {
  for (let failed = 0; ; failed += 1) {
    try {
      return await attempt();
    } catch (error) {
      const lost = unreachable(error);
      const wait = RETRY_AFTER_MS[failed];
      if (!(lost instanceof ConnectionLostError) || wait === undefined || isStopping()) throw lost;
      await sleep(wait);
    }
  }
}
