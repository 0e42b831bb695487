import { existsSync } from 'node:fs';
import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
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

// What waits keeps what was asked: a list of targets may be a megabyte.
const MAX_WAITING = 100;

/**
 * The connections of this process to its SQLite file. The writing one is TypeORM's own, and only `UnitOfWork` may use it.
 * The reading one sees what is committed, waits for nobody, and cannot write. A third one reads what takes several turns of the
 * event loop.
 */
@Injectable()
export class Database implements OnApplicationShutdown {
  /** The connection that writes, for prepared statements. */
  readonly writer: Statements;
  /** The connection that reads. Reads within one synchronous piece of code see one state: commits are made by this thread, too. */
  readonly reader: Statements;
  private readonly readingConnection: SqliteDatabase.Database;
  private readonly snapshotConnection: SqliteDatabase.Database;
  private readonly snapshotReader: Statements;
  private readonly snapshots = new Mutex();
  private waiting = 0;
  private closing = false;

  private readonly path: string;

  constructor(
    private readonly dataSource: DataSource,
    private readonly lock: DataLock,
    presence: DataPresence,
    config: AppConfig,
  ) {
    this.path = config.databasePath;
    this.writer = new Statements(writingConnection(dataSource));
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

  /** Some columns of the table of an entity, for where all would cost too much. */
  view<T extends ObjectLiteral, P extends keyof T & string>(
    entity: EntityTarget<T>,
    properties: readonly P[],
  ): Table<Pick<T, P>> {
    return new Table<Pick<T, P>>(this.dataSource.getMetadata(entity), properties);
  }

  /**
   * Reads one state of the database, however many turns of the event loop that takes and whatever is committed meanwhile: the
   * state at the first statement of the work. What memory alone knows has to be looked at before its first `await`. One piece of
   * work at a time: long ones may not take the machine from printers by their number.
   *
   * @throws UnavailableError where too much work waits already, or the server is stopping
   */
  async snapshot<T>(work: (db: Statements) => Promise<T>): Promise<T> {
    if (this.waiting >= MAX_WAITING)
      throw new UnavailableError(
        `${MAX_WAITING} requests wait for a look at the whole fleet, as many as may`,
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
   * Closes every connection, and lets another server have the database. The file alone is the whole database then: the write-ahead
   * log has been moved into it and removed.
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
 * SQLite moves the log into the file when the last connection closes, unless that one only reads. TypeORM may have closed the
 * writing connection before the readers (Nest decides the order), so a last connection is opened for it.
 */
function moveLogIntoFile(path: string): void {
  if (!existsSync(path)) return;
  const connection = new SqliteDatabase(path);
  try {
    // Another process (a backup, `npm run keys`) may have the database open; then closing alone would move nothing.
    connection.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    connection.close();
  }
}

/** For the reading connection: another number whenever something has been committed. */
export const DATA_VERSION = 'PRAGMA data_version';

/** Memory for pages of the database, for each connection; its inner pages at a million printers fit many times. */
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
