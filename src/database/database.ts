import { existsSync } from 'node:fs';
import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationShutdown } from '@nestjs/common';
import SqliteDatabase from 'better-sqlite3';
import { DataSource } from 'typeorm';
import type { EntityTarget, ObjectLiteral } from 'typeorm';
import { UnavailableError } from '../common/errors.js';
import { Mutex } from '../common/mutex.js';
import { AppConfig } from '../config/config.js';
import { DataLock } from './sqlite/data-lock.js';
import { DataPresence } from './sqlite/data-presence.js';
import { Statements } from './statements.js';
import { Table } from './table.js';
import { addTextContains } from './sqlite/text-contains.js';
import { SqliteSql } from './sqlite/sqlite-sql.js';
import type { Transaction } from './transaction.js';
import { WriteQueue } from './write-queue.js';
import type { Commit } from './write-queue.js';

// Maximum number of queued snapshot reads. Each keeps its request in memory, and a list of targets may be a megabyte.
const MAX_QUEUED_SNAPSHOTS = 100;

/**
 * The connections of this process to its SQLite file. The writer is TypeORM's own, and only `write` and `writeBatch` use it. The
 * reader sees committed data, never waits, and cannot write. A third connection serves reads that take several turns of the event loop.
 */
@Injectable()
export class Database implements BeforeApplicationShutdown, OnApplicationShutdown {
  /** The reading connection. Reads within one synchronous block see one state, because commits run on this thread too. */
  readonly reader: Statements;
  private readonly readingConnection: SqliteDatabase.Database;
  private readonly snapshotConnection: SqliteDatabase.Database;
  private readonly snapshotReader: Statements;
  private readonly snapshots = new Mutex();
  private waiting = 0;
  private closing = false;
  private readonly queue: WriteQueue;
  private readonly flushes: Array<() => Promise<void>> = [];
  private readonly path: string;

  constructor(
    private readonly dataSource: DataSource,
    private readonly lock: DataLock,
    presence: DataPresence,
    config: AppConfig,
  ) {
    this.path = config.databasePath;
    const statements = new Statements(writingConnection(dataSource));
    this.queue = new WriteQueue({ dataSource, statements, sql: new SqliteSql(statements), presence });
    this.readingConnection = openForReading(this.path);
    this.reader = new Statements(this.readingConnection);
    this.snapshotConnection = openForReading(this.path);
    this.snapshotReader = new Statements(this.snapshotConnection);
    presence.remember();
  }

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
   * Reads one consistent state of the database, however many turns of the event loop that takes and whatever is committed in the meantime:
   * the state at the first statement of the work. The work must read data that is only in memory before its first `await`. Runs one job at
   * a time, so that many long reads cannot starve the printers.
   *
   * @throws UnavailableError if too many reads are queued, or the server is stopping
   */
  async snapshot<T>(work: (db: Statements) => Promise<T>): Promise<T> {
    if (this.waiting >= MAX_QUEUED_SNAPSHOTS)
      throw new UnavailableError(
        `Too many fleet-wide queries are queued (${MAX_QUEUED_SNAPSHOTS}); try again later`,
      );
    this.waiting += 1;
    return this.snapshots.runExclusive(async () => {
      this.waiting -= 1;
      if (this.closing) throw new UnavailableError('The server is stopping');
      this.snapshotReader.run('BEGIN');
      try {
        return await work(this.snapshotReader);
      } finally {
        this.snapshotReader.run('COMMIT');
      }
    });
  }

  /**
   * Runs the work in a transaction of its own, and resolves with its result once that is on disk. The work may only call the database, one
   * call after the other: no files, no other transaction. Long work yields to the event loop between its slices (`setImmediate`); the
   * transaction stays open meanwhile, and all other writes wait. Work runs in the order in which it was submitted.
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

  /**
   * Closes every connection, and releases the lock for another server. The file alone is then the whole database: the write-ahead log has
   * been moved into it and removed.
   */
  async onApplicationShutdown(): Promise<void> {
    this.closing = true;
    // A snapshot that is being read may finish; those queued behind it are refused.
    await this.snapshots.runExclusive(() => Promise.resolve());
    this.snapshotConnection.close();
    this.readingConnection.close();
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    moveLogIntoFile(this.path);
    this.lock.release();
  }
}

/**
 * SQLite moves the log into the file when the last connection closes, unless that one is read-only. TypeORM may have closed the writer
 * before the readers (Nest decides the order), so a last connection is opened for it.
 */
function moveLogIntoFile(path: string): void {
  if (!existsSync(path)) return;
  const connection = new SqliteDatabase(path);
  try {
    // Another process (a backup, `npm run keys`) may have the database open; closing alone would then move nothing.
    connection.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    connection.close();
  }
}

/** A number that changes whenever something has been committed. For the reading connection. */
export const DATA_VERSION = 'PRAGMA data_version';

/** Page cache of each connection, in KiB; several times the size of the inner pages at a million printers. */
export const CACHE_KIB = 32 * 1024;

function openForReading(path: string): SqliteDatabase.Database {
  const connection = new SqliteDatabase(path, { readonly: true });
  connection.pragma(`cache_size = -${CACHE_KIB}`);
  addTextContains(connection);
  return connection;
}

/** The connection that TypeORM writes with. */
export function writingConnection(dataSource: DataSource): SqliteDatabase.Database {
  const { driver } = dataSource;
  if (!('databaseConnection' in driver)) throw new Error('The database is not better-sqlite3');
  return driver.databaseConnection as SqliteDatabase.Database;
}
