import { statSync } from 'node:fs';
import { Injectable, Logger } from '@nestjs/common';
import { UnavailableError } from '../../common/errors.js';
import { AppConfig } from '../../config/config.js';
import { DataLock } from './data-lock.js';

interface Watched {
  what: string;
  path: string;
  /** Device and inode; null until the path is first seen. */
  identity: string | null;
}

/**
 * Detects that the database or the uploads folder was deleted or replaced while the server has it open. Without this check, writes would
 * still succeed, but into a file that nobody can find again. Missing lock files count, too: a second server may have started.
 */
@Injectable()
export class DataPresence {
  private readonly logger = new Logger('Database');
  private readonly databaseFiles: Watched[];
  private readonly uploads: Watched[];
  private reported = false;

  constructor({ databasePath, uploadsDir }: AppConfig, { files }: DataLock) {
    this.databaseFiles =
      databasePath === null || files.database === null
        ? []
        : [
            { what: 'database', path: databasePath, identity: null },
            // The last commits exist only in this process's open file.
            { what: "database's write-ahead log", path: `${databasePath}-wal`, identity: null },
            { what: "database's lock file", path: files.database, identity: null },
          ];
    this.uploads = [
      { what: 'uploads folder', path: uploadsDir, identity: null },
      { what: "uploads folder's lock file", path: files.uploads, identity: null },
    ];
  }

  /** Remembers the current device and inode of every path. */
  remember(): void {
    for (const one of [...this.databaseFiles, ...this.uploads]) one.identity = identityOf(one.path);
  }

  /**
   * Checks the database file. Call it after a commit, before the commit is reported to anyone.
   *
   * @throws UnavailableError naming the missing or replaced path
   */
  requireDatabase(): void {
    this.throwIfGone(this.databaseFiles);
  }

  /** Like `requireDatabase`, for the folder of the binaries. */
  requireUploads(): void {
    this.throwIfGone(this.uploads);
  }

  /**
   * Checks every path. Call it before work begins: the server must not make decisions from, or send printers, data that no longer exists.
   */
  requireAll(): void {
    this.throwIfGone([...this.databaseFiles, ...this.uploads]);
    if (this.reported) this.logger.log('The database and the uploads folder are back');
    this.reported = false;
  }

  private throwIfGone(watched: readonly Watched[]): void {
    for (const one of watched) {
      const identity = identityOf(one.path);
      one.identity ??= identity;
      if (identity === one.identity) continue;
      const how = identity === null ? 'is gone' : 'was replaced';
      const message = `The ${one.what} ${how} while the server is running: ${one.path}`;
      if (!this.reported)
        this.logger.error(
          `${message}. Until it is back, or the server is restarted, nothing is written or sent`,
        );
      this.reported = true;
      throw new UnavailableError(message);
    }
  }
}

function identityOf(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? null : `${stats.dev}:${stats.ino}`;
}
