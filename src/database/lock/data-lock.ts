import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StartupError } from '../../common/startup-error.js';
import type { AppConfig } from '../../config/config.js';
import { FileLock, LockedError, describeHolder } from './file-lock.js';
import { refuseNewerSchema } from '../sqlite/schema-check.js';

/**
 * Makes this process the only one that serves this database and this uploads folder, until it ends. A second server would keep sending
 * updates that this one has cancelled, and would delete this one's binaries as unknown.
 */
export class DataLock {
  private readonly locks: FileLock[] = [];
  /** Paths of the locked files: while they exist, no second server starts. */
  readonly files: { readonly database: string | null; readonly uploads: string };

  /**
   * Takes both locks, and creates the uploads folder if it is missing. A database in PostgreSQL is locked by
   * the connection that writes to it (`PostgresWriter`).
   *
   * @throws StartupError naming the process that holds a lock, or the missing folder
   */
  constructor({ databasePath, uploadsDir, port }: Pick<AppConfig, 'databasePath' | 'uploadsDir' | 'port'>) {
    // Not created: a mistyped path would otherwise become a new, empty server.
    if (databasePath !== null)
      requireFolder(dirname(databasePath), 'The folder of the database', 'DATABASE_URL');
    requireFolder(dirname(uploadsDir), 'The folder of the uploads folder', 'UPLOADS_DIR');
    try {
      // The lock stands beside the file itself, whichever symbolic link leads there.
      const database =
        databasePath !== null && existsSync(databasePath) ? realpathSync(databasePath) : databasePath;
      this.files = { database: database && `${database}-lock`, uploads: join(uploadsDir, UPLOADS_LOCK) };
      if (this.files.database !== null)
        this.lock('database', String(databasePath), this.files.database, port);
      this.lock('uploads folder', uploadsDir, this.files.uploads, port);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Releases both locks. */
  release(): void {
    for (const lock of this.locks.splice(0)) lock.release();
  }

  private lock(what: string, path: string, lockFile: string, port: number): void {
    try {
      if (!existsSync(dirname(lockFile))) mkdirSync(dirname(lockFile));
      this.locks.push(FileLock.acquire(lockFile, port));
    } catch (error) {
      const why =
        error instanceof LockedError
          ? `is in use: ${describeHolder(error.holder)}`
          : `cannot be used: ${String(error)}`;
      throw new StartupError(`The ${what} ${path} ${why}`);
    }
  }
}

/**
 * Locks the server's data, then checks that this version can serve it: the database of a running server is never opened. Loads no
 * framework, which takes seconds on a small machine, so a reason not to start is reported at once.
 *
 * @throws StartupError naming what is locked, missing or newer
 */
export function lockData(config: AppConfig): DataLock {
  const lock = new DataLock(config);
  try {
    if (config.databasePath !== null) refuseNewerSchema(config.databasePath);
    return lock;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Name of the lock file in the uploads folder. */
export const UPLOADS_LOCK = '.lock';

function requireFolder(path: string, what: string, setting: string): void {
  if (!existsSync(path)) throw new StartupError(`${what} does not exist: ${path} (${setting})`);
}
