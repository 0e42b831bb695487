import type { Client } from 'pg';
import { UnavailableError } from '../../common/errors.js';
import { StartupError } from '../../common/startup-error.js';
import type { DataPresence } from '../data-presence.js';
import type { Sql } from '../sql.js';
import type { WritingConnection } from '../write-queue.js';
import { connect, unreachable } from './connect.js';
import { PostgresSql } from './postgres-sql.js';
import { inUse, takeServerLock } from './schema.js';

/**
 * The connection that writes. After it was lost, the next transaction opens it again. It holds the lock that makes this server the only one
 * on the database, as `DataLock` does for a file.
 */
export class PostgresWriter implements WritingConnection {
  private client: Client | null = null;
  private sql: PostgresSql | null = null;
  private changes = 0;

  constructor(
    private readonly url: string,
    private readonly presence: DataPresence,
  ) {}

  /**
   * Opens the connection.
   *
   * @throws StartupError if another server uses the database; UnavailableError if it cannot be reached
   */
  async open(): Promise<PostgresSql> {
    const client = await connect(this.url, 'paperminder write');
    if (!(await takeServerLock(client))) {
      await client.end();
      throw new StartupError(inUse(this.url));
    }
    client.once('end', () => {
      if (this.client === client) this.client = null;
    });
    this.client = client;
    this.sql = new PostgresSql((statement) => client.query(statement));
    this.changes = 0;
    return this.sql;
  }

  async begin(): Promise<Sql> {
    this.presence.requireAll();
    const { sql } = this;
    if (this.client !== null && sql !== null) {
      try {
        await sql.run('BEGIN');
        return sql;
      } catch (error) {
        // The connection was lost since the last transaction.
        if (!(error instanceof UnavailableError)) throw error;
      }
    }
    const reopened = await this.reopen();
    await reopened.run('BEGIN');
    return reopened;
  }

  async commit(): Promise<boolean> {
    const { client, sql } = this;
    if (client === null || sql === null) throw unreachable(new Error('the connection was lost'));
    const { command } = await client.query('COMMIT').catch((error: unknown) => {
      throw unreachable(error);
    });
    // After an error in the transaction, PostgreSQL answers COMMIT by a rollback, and reports no error.
    if (command !== 'COMMIT') throw new Error('The database has rolled the transaction back');
    const changed = sql.changes !== this.changes;
    this.changes = sql.changes;
    return changed;
  }

  async rollback(): Promise<void> {
    await this.client?.query('ROLLBACK').catch(() => undefined);
    this.changes = this.sql?.changes ?? 0;
  }

  /** Closes the connection, which releases the lock. */
  async close(): Promise<void> {
    await this.client?.end();
  }

  private async reopen(): Promise<PostgresSql> {
    try {
      return await this.open();
    } catch (error) {
      throw error instanceof StartupError ? new UnavailableError(error.message) : error;
    }
  }
}
