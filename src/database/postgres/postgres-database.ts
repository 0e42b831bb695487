import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Pool, PoolClient } from 'pg';
import type { DataSource } from 'typeorm';
import { UnavailableError } from '../../common/errors.js';
import type { DataLock } from '../lock/data-lock.js';
import type { DataPresence } from '../lock/data-presence.js';
import { Database } from '../database.js';
import type { Sql } from '../sql.js';
import { WriteQueue } from '../write-queue.js';
import { persistently, poolOf } from './connect.js';
import { PostgresSql } from './postgres-sql.js';
import { PostgresWriter } from './postgres-writer.js';

// One state for all statements of a read.
const BEGIN_SNAPSHOT = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

// A transaction with a number of its own is written to the log, which fails if the database is a standby, or its disk is full.
const READ_ONLY = `SELECT current_setting('transaction_read_only'), pg_current_xact_id()::text`;

/** The connections of this process to PostgreSQL: one that writes, and a pool for reads. */
export class PostgresDatabase extends Database implements OnModuleInit, OnApplicationShutdown {
  readonly committed: Sql;
  protected readonly queue: WriteQueue;
  private readonly pool: Pool;
  private readonly writer: PostgresWriter;
  private closing = false;

  /** @param lock on the uploads folder, held until the database is closed */
  constructor(
    dataSource: DataSource,
    settings: { url: string; poolSize: number },
    private readonly lock: DataLock,
    presence: DataPresence,
  ) {
    super(dataSource);
    this.pool = poolOf(settings.url, 'paperminder read', settings.poolSize);
    this.writer = new PostgresWriter(settings.url, presence);
    const isStopping = (): boolean => this.closing;
    this.queue = new WriteQueue(this.writer);
    this.committed = new PostgresSql((statement) =>
      persistently(() => this.pool.query(statement), isStopping),
    );
    presence.remember();
  }

  async onModuleInit(): Promise<void> {
    await this.writer.connect();
  }

  async read<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const [client, sql] = await this.beginSnapshot();
    try {
      const result = await work(sql);
      await sql.run('COMMIT');
      client.release();
      return result;
    } catch (error) {
      // Whatever state it is in, the next read gets another connection.
      client.release(true);
      throw error;
    }
  }

  async checkWritable(): Promise<void> {
    await this.write(async (tx) => {
      const [row] = await tx.sql.values(READ_ONLY);
      if (row?.[0] === 'on') throw new UnavailableError('The database is read-only');
    });
  }

  protected scanWhenFree<T>(work: (sql: Sql) => Promise<T>, begun: () => void): Promise<T> {
    return this.read((sql) => {
      begun();
      return work(sql);
    });
  }

  /** Waits for reads that have begun, closes every connection, and releases the lock on the uploads folder. */
  async onApplicationShutdown(): Promise<void> {
    this.closing = true;
    await this.pool.end();
    await this.writer.close();
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    this.lock.release();
  }

  /** Begins a snapshot on a connection of the pool; a connection that was lost since its last use is replaced. */
  private async beginSnapshot(): Promise<[PoolClient, Sql]> {
    if (this.closing) throw new UnavailableError('The server is stopping');
    return persistently(
      async () => {
        const client = await this.pool.connect();
        const sql = new PostgresSql((statement) => client.query(statement));
        try {
          await sql.run(BEGIN_SNAPSHOT);
          return [client, sql];
        } catch (error) {
          client.release(true);
          throw error;
        }
      },
      () => this.closing,
    );
  }
}
