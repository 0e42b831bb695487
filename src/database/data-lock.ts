import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { StartupError } from '../common/startup-error.js';
import { AppConfig } from '../config/config.js';
import { FileLock, LockedError, describeHolder } from './file-lock.js';

/**
 * Makes this process the only one that serves this database and this uploads folder, until it ends. A second server would go on
 * sending what this one has cancelled, and would sweep away binaries that are not its own.
 */
@Injectable()
export class DataLock {
  private readonly locks: FileLock[] = [];

  /**
   * Creates the uploads folder if it is missing.
   *
   * @throws StartupError naming the process that has them, or what is missing
   */
  constructor(
    @Inject(AppConfig)
    { databasePath, uploadsDir, port }: Pick<AppConfig, 'databasePath' | 'uploadsDir' | 'port'>,
  ) {
    // Not created: a path with a typing error would otherwise become a new, empty server.
    requireFolder(dirname(databasePath), 'The folder of the database', 'DATABASE_URL');
    requireFolder(dirname(uploadsDir), 'The folder of the uploads folder', 'UPLOADS_DIR');
    try {
      this.lock('database', databasePath, `${databasePath}-lock`, port);
      this.lock('uploads folder', uploadsDir, join(uploadsDir, UPLOADS_LOCK), port);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Lets another process have them. */
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

/** Name of the lock file within the uploads folder. */
export const UPLOADS_LOCK = '.lock';

function requireFolder(path: string, what: string, setting: string): void {
  if (!existsSync(path)) throw new StartupError(`${what} does not exist: ${path} (${setting})`);
}
