import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import SqliteDatabase from 'better-sqlite3';

/** The process that holds a lock. */
export interface LockHolder {
  pid: number;
  host: string;
  /** Port that the process listens on; absent if it listens on none, or on any free one. */
  port?: number;
  /** ISO 8601, UTC. */
  since: string;
}

/** Another process holds the lock. */
export class LockedError extends Error {
  /** @param holder null if it could not be read */
  constructor(
    path: string,
    readonly holder: LockHolder | null,
  ) {
    super(`${path} is locked by ${describeHolder(holder)}`);
  }
}

/** Describes the holder of a lock, e.g. "process 12 on pi, port 8000, since 2026-01-15T10:00:00.000Z". */
export function describeHolder(holder: LockHolder | null): string {
  if (holder === null) return 'another process';
  const port = holder.port === undefined ? '' : `, port ${holder.port}`;
  return `process ${holder.pid} on ${holder.host}${port}, since ${holder.since}`;
}

/**
 * A lock on a path that one process holds at a time. The operating system releases it when that process ends, however it ends.
 *
 * Node has no file locks, so this uses SQLite's (fcntl on Linux and macOS): an exclusive transaction on an empty database at that path,
 * which never ends. `<path>.json` beside it describes the holder, only for messages: a stale one means nothing.
 */
export class FileLock {
  // A start that fails half-way must not leave the lock's files behind either.
  private readonly onExit = (): void => this.release();

  private constructor(
    private readonly path: string,
    private readonly connection: SqliteDatabase.Database,
    private readonly inode: string,
  ) {
    process.once('exit', this.onExit);
  }

  /**
   * Takes the lock, without waiting.
   *
   * @throws LockedError if another process holds it, or SQLite's error if the file cannot be written
   */
  static acquire(path: string, port?: number): FileLock {
    for (;;) {
      const before = inodeOf(path);
      const connection = lock(path);
      // A process removes the file when it releases the lock. A lock on a removed file keeps nobody out: try again.
      if (before !== null && before === inodeOf(path)) {
        const holder: LockHolder = {
          pid: process.pid,
          host: hostname(),
          ...(port ? { port } : {}),
          since: new Date().toISOString(),
        };
        writeFileSync(holderFile(path), `${JSON.stringify(holder)}\n`, { mode: 0o600 });
        return new FileLock(path, connection, before);
      }
      connection.close();
    }
  }

  /** Releases the lock, and removes its files, unless somebody has removed them already and another process has created its own. */
  release(): void {
    if (!this.connection.open) return;
    process.off('exit', this.onExit);
    // Remove the files while the lock is held: later they might belong to another process.
    if (inodeOf(this.path) === this.inode) {
      rmSync(holderFile(this.path), { force: true });
      rmSync(this.path, { force: true });
    }
    this.connection.close();
  }
}

function lock(path: string): SqliteDatabase.Database {
  const connection = new SqliteDatabase(path, { timeout: 0 });
  try {
    // No journal file: nothing is ever written.
    connection.pragma('journal_mode = MEMORY');
    connection.exec('BEGIN EXCLUSIVE');
    return connection;
  } catch (error) {
    connection.close();
    if (error instanceof SqliteDatabase.SqliteError && error.code.startsWith('SQLITE_BUSY'))
      throw new LockedError(path, readHolder(path));
    throw error;
  }
}

function holderFile(path: string): string {
  return `${path}.json`;
}

function readHolder(path: string): LockHolder | null {
  try {
    return JSON.parse(readFileSync(holderFile(path), 'utf8')) as LockHolder;
  } catch {
    // The holder has just taken the lock and not described itself yet, or runs as another user.
    return null;
  }
}

function inodeOf(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stats === undefined ? null : `${stats.dev}:${stats.ino}`;
}
