import { existsSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import SqliteDatabase from 'better-sqlite3';
import type { DataSource } from 'typeorm';
import { UnavailableError } from '../../common/errors.js';
import { Mutex } from '../../common/limits/mutex.js';
import { Repeats } from '../../common/limits/repeats.js';
import { Database } from '../database.js';
import type { DataLock } from '../lock/data-lock.js';
import type { DataPresence } from '../lock/data-presence.js';
import type { Sql } from '../sql.js';
import { WriteQueue } from '../write-queue.js';
import { connect } from './connect.js';
import { READER, WRITER } from './pragmas.js';
import { sqlOn } from './sqlite-sql.js';
import { WorkerConnection } from './worker-connection.js';
import { WriterConnection } from './writer-connection.js';

/**
 * The connections of this process to its SQLite file. Whatever may take long (commits wait for the disk, scans read many rows) runs in a
 * thread of its own, so that sockets and requests are served meanwhile.
 */
export class SqliteFile extends Database implements OnModuleInit, OnApplicationShutdown {
  readonly committed: Sql;
  protected readonly queue: WriteQueue;
  private readonly committedConnection: SqliteDatabase.Database;
  private readonly readConnection: SqliteDatabase.Database;
  private readonly readSql: Sql;
  private readonly reads = new Mutex();
  private readonly logger = new Logger('Database');
  private readonly failures = new Repeats();
  private readonly writer: WriterConnection;
  private scanner: WorkerConnection | null = null;
  private readonly scanning = new Mutex();
  private closing = false;

  /** @param lock held until the database is closed */
  constructor(
    dataSource: DataSource,
    private readonly path: string,
    private readonly lock: DataLock,
    private readonly presence: DataPresence,
  ) {
    super(dataSource);
    const openWriter = (): WorkerConnection => new WorkerConnection({ path, pragmas: WRITER });
    const replace = (failed: WorkerConnection): WorkerConnection => {
      this.report(failed);
      return openWriter();
    };
    this.writer = new WriterConnection(openWriter(), replace, presence);
    this.queue = new WriteQueue(this.writer);
    this.committedConnection = connect({ path, readonly: true, pragmas: READER });
    this.committed = sqlOn(this.committedConnection);
    this.readConnection = connect({ path, readonly: true, pragmas: READER });
    this.readSql = sqlOn(this.readConnection);
    presence.remember();
  }

  async onModuleInit(): Promise<void> {
    await this.writer.ready();
  }

  read<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.reads.runExclusive(() => this.snapshot(this.readSql, work));
  }

  async checkWritable(): Promise<void> {
    this.presence.requireDatabase();
    // Nothing else uses this number in the file's header.
    await this.write((tx) => tx.sql.run('PRAGMA user_version = 0'));
  }

  protected scanWhenFree<T>(work: (sql: Sql) => Promise<T>, begun: () => void): Promise<T> {
    return this.scanning.runExclusive(() => {
      begun();
      return this.snapshot(this.workingScanner(), work);
    });
  }

  /**
   * Closes every connection, and releases the lock for another server. The file alone is then the whole database: the write-ahead log has
   * been moved into it and removed.
   */
  async onApplicationShutdown(): Promise<void> {
    this.closing = true;
    // Reads that have begun may finish; those queued behind them are refused.
    await this.reads.runExclusive(() => Promise.resolve());
    await this.scanning.runExclusive(() => Promise.resolve());
    await this.writer.close();
    await this.scanner?.close();
    this.readConnection.close();
    this.committedConnection.close();
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    moveLogIntoFile(this.path);
    this.lock.release();
  }

  private workingScanner(): WorkerConnection {
    const { scanner } = this;
    if (scanner !== null && scanner.failure === null) return scanner;
    if (scanner !== null) this.report(scanner);
    // A thread costs some ten megabytes, and a small installation may never scan.
    this.scanner = new WorkerConnection({ path: this.path, readonly: true, pragmas: READER });
    return this.scanner;
  }

  private report({ failure }: WorkerConnection): void {
    if (failure === null) return;
    this.failures.run(failure.message, () =>
      this.logger.error(`${failure.message}; it is replaced by a new one`),
    );
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
