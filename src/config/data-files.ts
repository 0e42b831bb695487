import { dirname, join } from 'node:path';
import type { AppConfig } from './config.js';

/** Paths of the server's persistent data. */
export interface DataFiles {
  /** Folder of the firmware binaries, each named by its SHA-256. */
  readonly uploads: string;
  /** The secret that signs download tokens. */
  readonly downloadSecret: string;
  /** The one-time token that creates the first key; removed once there is a key. */
  readonly claimToken: string;
}

/** The files of a server with these settings. The secrets are stored beside the database, or beside the uploads folder without one. */
export function dataFiles({
  databasePath,
  uploadsDir,
}: Pick<AppConfig, 'databasePath' | 'uploadsDir'>): DataFiles {
  const folder = dirname(databasePath ?? uploadsDir);
  return {
    uploads: uploadsDir,
    downloadSecret: join(folder, 'download-secret'),
    claimToken: join(folder, 'claim-token'),
  };
}
