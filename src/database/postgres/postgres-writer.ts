import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { ConnectionLostError, UnavailableError } from '../../common/errors.js';
import { StartupError } from '../../common/startup-error.js';
import type { DataPresence } from '../lock/data-presence.js';
import type { Sql } from '../sql.js';
import type { WritingConnection } from '../write-queue.js';
import { connect, persistently, unreachable } from './connect.js';
import { PostgresSql } from './postgres-sql.js';
import { inUse, takeServerLock } from './schema.js';

/** A connection that works, as far as is known. */
interface Open {
  client: Client;
  sql: PostgresSql;
}

// Sent with BEGIN: tells later whether a COMMIT whose answer was lost took place. Every transaction here writes, so it gets a number anyway.
const NUMBER = 'SELECT pg_current_xact_id()::text';
const STATUS = 'SELECT pg_xact_status($1::xid8) AS status';
// How long the server process of a lost connection may take to end its transaction.
const LOOKS = 50;
const LOOK_EVERY_MS = 100;

/**
 * The connection that writes. After it was lost, the next transaction opens it again. It holds the lock that makes this server the only one
 * on the database, as `DataLock` does for a file.
 */
export class PostgresWriter implements WritingConnection {
  private open: Open | null = null;
  private number = '';
  private isClosed = false;

  constructor(
    private readonly url: string,
    private readonly presence: DataPresence,
  ) {}

  /**
   * Opens the connection.
   *
   * @throws StartupError if another server uses the database; UnavailableError if it cannot be reached
   */
  async connect(): Promise<Open> {
    const client = await connect(this.url, 'paperminder write');
    if (!(await takeServerLock(client))) {
      await client.end();
      throw new StartupError(inUse(this.url));
    }
    this.open = { client, sql: new PostgresSql((statement) => client.query(statement)) };
    return this.open;
  }

  begin(): Promise<Sql> {
    this.presence.requireAll();
    return persistently(
      async () => {
        const { sql } = this.open ?? (await this.reconnect());
        try {
          const [, number] = await Promise.all([sql.run('BEGIN'), sql.values(NUMBER)]);
          this.number = String(number[0]?.[0]);
          sql.changes = 0;
          return sql;
        } catch (error) {
          this.abandon();
          throw error;
        }
      },
      () => this.isClosed,
    );
  }

  async commit(): Promise<boolean> {
    if (this.open === null) throw new ConnectionLostError('The connection to the database was lost');
    const { client, sql } = this.open;
    try {
      const { command } = await client.query('COMMIT');
      // After an error in the transaction, PostgreSQL answers COMMIT by a rollback, and reports no error.
      if (command !== 'COMMIT') throw new Error('The database has rolled the transaction back');
    } catch (error) {
      const lost = unreachable(error);
      if (!(lost instanceof ConnectionLostError)) throw error;
      this.abandon();
      if (!(await this.wasCommitted(this.number))) throw lost;
    }
    return sql.changes > 0;
  }

  async rollback(): Promise<void> {
    // If that fails, the connection has no use any more, and the database rolls back what was on it.
    await this.open?.client.query('ROLLBACK').catch(() => this.abandon());
  }

  /** Closes the connection, which releases the lock. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.open?.client.end();
  }

  /** True if a transaction was committed although its connection was lost before that was known. */
  private async wasCommitted(number: string): Promise<boolean> {
    const { client } = await persistently(
      () => this.reconnect(),
      () => this.isClosed,
    );
    for (let look = 0; look < LOOKS; look += 1) {
      const { rows } = await client.query<{ status: string | null }>(STATUS, [number]);
      if (rows[0]?.status !== 'in progress') return rows[0]?.status === 'committed';
      await sleep(LOOK_EVERY_MS);
    }
    throw new UnavailableError(
      'The connection to the database was lost, and whether the change was made is unknown',
    );
  }

  /** Gives up a connection that has failed. Its lock is free once the database has noticed, too. */
  private abandon(): void {
    // Not waited for: the other end may not answer any more.
    this.open?.client.end().catch(() => undefined);
    this.open = null;
  }

  private async reconnect(): Promise<Open> {
    try {
      return await this.connect();
    } catch (error) {
      // The connection that was lost may still hold the lock for a moment.
      throw error instanceof StartupError ? new ConnectionLostError(error.message) : error;
    }
  }
}
