import type { BeforeApplicationShutdown } from '@nestjs/common';
import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm';
import { UnavailableError } from '../common/errors.js';
import type { Sql } from './sql.js';
import { Table } from './table.js';
import type { Transaction } from './transaction.js';
import type { Commit, WriteQueue } from './write-queue.js';

// Maximum number of queued scans. Each keeps its request in memory, and a list of targets may be a megabyte.
const MAX_QUEUED_SCANS = 100;

/**
 * The database: SQLite or PostgreSQL, by the settings. Only `write` and `writeBatch` change it. Reads see committed data, never wait for
 * a transaction that writes, and cannot write.
 */
export abstract class Database implements BeforeApplicationShutdown {
  /** Committed data, for single statements that read a few rows. Two statements may see two states: `read` reads one. */
  abstract readonly committed: Sql;
  protected abstract readonly queue: WriteQueue;
  private readonly flushes: Array<() => Promise<void>> = [];
  private scans = 0;

  constructor(protected readonly dataSource: DataSource) {}

  /** The table of an entity, for prepared statements. */
  table<T extends ObjectLiteral>(entity: EntityTarget<T>): Table<T> {
    return new Table<T>(this.dataSource.getMetadata(entity));
  }

  /** Some columns of an entity's table, for reads that do not need all of them. */
  view<T extends ObjectLiteral, P extends keyof T & string>(
    entity: EntityTarget<T>,
    properties: readonly P[],
  ): Table<Pick<T, P>> {
    return new Table<Pick<T, P>>(this.dataSource.getMetadata(entity), properties);
  }

  /**
   * Reads a few rows with several statements that see one state of the database. The work must wait for nothing but the database.
   *
   * @throws UnavailableError if the server is stopping
   */
  abstract read<T>(work: (sql: Sql) => Promise<T>): Promise<T>;

  /**
   * Reads one consistent state of the database, however long that takes and whatever is committed in the meantime: the state at the first
   * statement of the work. It may read many rows: sockets and requests are served meanwhile.
   *
   * @throws UnavailableError if too many reads are queued, or the server is stopping
   */
  async scan<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    if (this.scans >= MAX_QUEUED_SCANS)
      throw new UnavailableError(
        `Too many fleet-wide queries are queued (${MAX_QUEUED_SCANS}); try again later`,
      );
    this.scans += 1;
    let waits = true;
    const begun = (): void => {
      if (waits) this.scans -= 1;
      waits = false;
    };
    try {
      return await this.scanWhenFree(work, begun);
    } finally {
      begun();
    }
  }

  /** Carries out a scan once a connection for it is free, and calls `begun` then. */
  protected abstract scanWhenFree<T>(work: (sql: Sql) => Promise<T>, begun: () => void): Promise<T>;

  /**
   * Runs the work in a transaction of its own, and resolves with its result once that is on disk. The work may only call the database: no
   * files, no other transaction. The transaction stays open meanwhile, and all other writes wait. Work runs in the
   * order in which it was submitted.
   *
   * @throws what the work throws (its changes are rolled back), the database's error if the commit fails, or UnavailableError if the server
   *   is stopping
   */
  write<T>(work: (tx: Transaction) => Promise<T> | T): Promise<T> {
    return this.queue.run(work);
  }

  /** Like `write`, for a batch of printers' jobs: takes turns with the work of operators. */
  writeBatch<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.queue.runBatch(work);
  }

  /**
   * Commits a transaction that changes nothing, but is written to disk: a locked, read-only or full database cannot record an update, and
   * reads do not reveal that.
   *
   * @throws the error that says why nothing can be written
   */
  abstract checkWritable(): Promise<void>;

  /** Number of commits since the start that have changed something. */
  get commits(): number {
    return this.queue.commits;
  }

  /** Calls back after every commit. */
  onCommit(listener: (commit: Commit) => void): void {
    this.queue.onCommit(listener);
  }

  /** Registers what must still be written when the server stops; the database is closed after that. */
  beforeClose(flush: () => Promise<void>): void {
    this.flushes.push(flush);
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const flush of this.flushes) await flush();
    await this.queue.close();
  }
}
