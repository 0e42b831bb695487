import { existsSync } from 'node:fs';
import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import SqliteDatabase from 'better-sqlite3';
import { DataSource } from 'typeorm';
import type { EntityTarget, ObjectLiteral } from 'typeorm';
import { UnavailableError } from '../common/errors.js';
import { Mutex } from '../common/limits/mutex.js';
import { Repeats } from '../common/limits/repeats.js';
import { AppConfig } from '../config/config.js';
import { DataLock } from './sqlite/data-lock.js';
import { DataPresence } from './sqlite/data-presence.js';
import type { Sql } from './sql.js';
import { Table } from './table.js';
import { connect } from './sqlite/connect.js';
import { sqlOn } from './sqlite/sqlite-sql.js';
import { READER, WRITER } from './sqlite/pragmas.js';
import { WorkerConnection } from './sqlite/worker-connection.js';
import type { Transaction } from './transaction.js';
import { WriteQueue } from './write-queue.js';
import type { Commit } from './write-queue.js';

// Maximum number of queued scans. Each keeps its request in memory, and a list of targets may be a megabyte.
const MAX_QUEUED_SCANS = 100;

/**
 * The connections of this process to its SQLite file. Only `write` and `writeBatch` use the one that writes. The others see committed
 * data, never wait for the writer, and cannot write. Whatever may take long (commits wait for the disk, scans read many rows) runs in a
 * thread of its own, so that sockets and requests are served meanwhile.
 */
@Injectable()
export class Database implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  /** Committed data, for single statements that read a few rows. Two statements may see two states: `read` reads one. */
  readonly committed: Sql;
  private readonly committedConnection: SqliteDatabase.Database;
  private readonly readConnection: SqliteDatabase.Database;
  private readonly readSql: Sql;
  private readonly reads = new Mutex();
  private readonly logger = new Logger('Database');
  private readonly failures = new Repeats();
  private writer: WorkerConnection;
  private scanner: WorkerConnection | null = null;
  private readonly scans = new Mutex();
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
    this.writer = this.openWriter();
    const writing = (): Sql => this.workingWriter();
    this.queue = new WriteQueue({
      get sql() {
        return writing();
      },
      presence,
    });
    this.committedConnection = connect({ path: this.path, readonly: true, pragmas: READER });
    this.committed = sqlOn(this.committedConnection);
    this.readConnection = connect({ path: this.path, readonly: true, pragmas: READER });
    this.readSql = sqlOn(this.readConnection);
    presence.remember();
  }

  async onModuleInit(): Promise<void> {
    await this.writer.ready();
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
   * Reads a few rows with several statements that see one state of the database. The work must wait for nothing but the database.
   *
   * @throws UnavailableError if the server is stopping
   */
  read<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.reads.runExclusive(() => this.snapshot(this.readSql, work));
  }

  /**
   * Reads one consistent state of the database, however long that takes and whatever is committed in the meantime: the state at the first
   * statement of the work. The statements run in a thread of their own, one scan at a time, so they may read many rows.
   *
   * @throws UnavailableError if too many reads are queued, or the server is stopping
   */
  async scan<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    if (this.waiting >= MAX_QUEUED_SCANS)
      throw new UnavailableError(
        `Too many fleet-wide queries are queued (${MAX_QUEUED_SCANS}); try again later`,
      );
    this.waiting += 1;
    return this.scans.runExclusive(() => {
      this.waiting -= 1;
      return this.snapshot(this.workingScanner(), work);
    });
  }

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

  /**
   * Closes every connection, and releases the lock for another server. The file alone is then the whole database: the write-ahead log has
   * been moved into it and removed.
   */
  async onApplicationShutdown(): Promise<void> {
    this.closing = true;
    // Reads that have begun may finish; those queued behind them are refused.
    await this.reads.runExclusive(() => Promise.resolve());
    await this.scans.runExclusive(() => Promise.resolve());
    await this.writer.close();
    await this.scanner?.close();
    this.readConnection.close();
    this.committedConnection.close();
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    moveLogIntoFile(this.path);
    this.lock.release();
  }

  private openWriter(): WorkerConnection {
    return new WorkerConnection({ path: this.path, pragmas: WRITER });
  }

  /** The connection that writes; a new one if its thread has died, with the transaction that it was carrying out. */
  private workingWriter(): WorkerConnection {
    if (this.hasFailed(this.writer)) this.writer = this.openWriter();
    return this.writer;
  }

  private workingScanner(): WorkerConnection {
    // A thread costs some ten megabytes, and a small installation may never scan.
    if (this.scanner === null || this.hasFailed(this.scanner))
      this.scanner = new WorkerConnection({ path: this.path, readonly: true, pragmas: READER });
    return this.scanner;
  }

  private hasFailed({ failure }: WorkerConnection): boolean {
    if (failure === null) return false;
    this.failures.run(failure.message, () =>
      this.logger.error(`${failure.message}; it is replaced by a new one`),
    );
    return true;
  }

  private async snapshot<T>(sql: Sql, work: (sql: Sql) => Promise<T>): Promise<T> {
    if (this.closing) throw new UnavailableError('The server is stopping');
    await sql.run('BEGIN');
    try {
      return await work(sql);
    } finally {
      await sql.run('COMMIT');
    }
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
