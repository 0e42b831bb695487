import { statSync } from 'node:fs';
import { Injectable, Logger } from '@nestjs/common';
import { UnavailableError } from '../../common/errors.js';
import { AppConfig } from '../../config/config.js';

interface Watched {
  what: string;
  path: string;
  /** Device and inode; null until it is first seen. */
  identity: string | null;
}

/**
 * Notices that the database or the uploads folder was deleted or replaced while the server has it open. Writes would go on working
 * without an error, into a file that nobody will ever find again.
 */
@Injectable()
export class DataPresence {
  private readonly logger = new Logger('Database');
  private readonly databaseFiles: Watched[];
  private readonly uploadsFolder: Watched;
  private reported = false;

  constructor({ databasePath, uploadsDir }: AppConfig) {
    this.databaseFiles = [
      { what: 'database', path: databasePath, identity: null },
      // What was committed last is only here.
      { what: "database's write-ahead log", path: `${databasePath}-wal`, identity: null },
    ];
    this.uploadsFolder = { what: 'uploads folder', path: uploadsDir, identity: null };
  }

  /** Remembers the files as they are now. */
  remember(): void {
    for (const one of [...this.databaseFiles, this.uploadsFolder]) one.identity = identityOf(one.path);
  }

  /**
   * Must pass after a commit, before anybody hears of it.
   *
   * @throws UnavailableError naming what is gone
   */
  requireDatabase(): void {
    this.throwIfGone(this.databaseFiles);
  }

  /** As `requireDatabase`, for the folder of the binaries. */
  requireUploads(): void {
    this.throwIfGone([this.uploadsFolder]);
  }

  /** As both: must pass before work begins, for nothing may be decided on, or sent to printers, that is no longer there. */
  requireAll(): void {
    this.throwIfGone([...this.databaseFiles, this.uploadsFolder]);
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
