import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import SqliteDatabase from 'better-sqlite3';

/** Who holds a lock. */
export interface LockHolder {
  pid: number;
  host: string;
  /** Port that it listens on; absent if it listens on none, or on any free one. */
  port?: number;
  /** ISO 8601, UTC. */
  since: string;
}

/** Somebody else holds the lock. */
export class LockedError extends Error {
  /** @param holder null if it could not be read */
  constructor(
    path: string,
    readonly holder: LockHolder | null,
  ) {
    super(`${path} is locked by ${describeHolder(holder)}`);
  }
}

/** The holder of a lock in words, e.g. "process 12 on pi, port 8000, since 2026-01-15T10:00:00.000Z". */
export function describeHolder(holder: LockHolder | null): string {
  if (holder === null) return 'another process';
  const port = holder.port === undefined ? '' : `, port ${holder.port}`;
  return `process ${holder.pid} on ${holder.host}${port}, since ${holder.since}`;
}

/**
 * A lock on a path that one process holds at a time and that the operating system releases when that process ends, however it ends.
 *
 * Node has no file locks of its own, so SQLite's are used (fcntl on Linux and macOS): an exclusive transaction on an empty database
 * at that path, which never ends. Who holds it stands in `<path>.json` beside it, only for the message: a stale one means nothing.
 */
export class FileLock {
  // A start that fails half-way leaves no file behind either.
  private readonly onExit = (): void => this.release();

  private constructor(
    private readonly path: string,
    private readonly connection: SqliteDatabase.Database,
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
      // A holder that ends removes the file. A lock on a file that is no longer at the path keeps nobody out: try again.
      if (before !== null && before === inodeOf(path)) {
        const holder: LockHolder = {
          pid: process.pid,
          host: hostname(),
          ...(port ? { port } : {}),
          since: new Date().toISOString(),
        };
        writeFileSync(holderFile(path), `${JSON.stringify(holder)}\n`, { mode: 0o600 });
        return new FileLock(path, connection);
      }
      connection.close();
    }
  }

  /** Gives the lock back, and removes its files. */
  release(): void {
    if (!this.connection.open) return;
    process.off('exit', this.onExit);
    rmSync(holderFile(this.path), { force: true });
    // While it is still held: removed later, the file might be another process's by then.
    rmSync(this.path, { force: true });
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
    // Its holder has just taken it and not said so yet, or is another user.
    return null;
  }
}

function inodeOf(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stats === undefined ? null : `${stats.dev}:${stats.ino}`;
}
