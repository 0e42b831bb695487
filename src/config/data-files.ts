import { dirname, join } from 'node:path';
import type { AppConfig } from './config.js';

/** Where the server keeps what must outlive it. */
export interface DataFiles {
  /** The SQLite database. */
  readonly database: string;
  /** Folder of the firmware binaries, each named by its SHA-256. */
  readonly uploads: string;
  /** The secret that download tokens are made with. */
  readonly downloadSecret: string;
  /** The one-time token that makes the first key; gone once there is one. */
  readonly claimToken: string;
}

/** The files of a server with these settings. The secrets lie beside the database. */
export function dataFiles({
  databasePath,
  uploadsDir,
}: Pick<AppConfig, 'databasePath' | 'uploadsDir'>): DataFiles {
  const folder = dirname(databasePath);
  return {
    database: databasePath,
    uploads: uploadsDir,
    downloadSecret: join(folder, 'download-secret'),
    claimToken: join(folder, 'claim-token'),
  };
}
