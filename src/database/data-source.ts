import type { DataSourceOptions } from 'typeorm';
import type { Database } from 'better-sqlite3';
import type { AppConfig } from '../config/config.js';
import { CACHE_KIB } from './database.js';
import { Initial1760000000000 } from '../../migrations/1760000000000-initial.js';
import { Access1764000000000 } from '../../migrations/1764000000000-access.js';
import { Audit1765000000000 } from '../../migrations/1765000000000-audit.js';
import { Signing1766000000000 } from '../../migrations/1766000000000-signing.js';
import { Registration1768000000000 } from '../../migrations/1768000000000-registration.js';
import { Fleet1769000000000 } from '../../migrations/1769000000000-fleet.js';
import { RolloutDetails1769100000000 } from '../../migrations/1769100000000-rollout-details.js';
import { PrinterSearch1769200000000 } from '../../migrations/1769200000000-printer-search.js';
import { PrinterProblems1770100000000 } from '../../migrations/1770100000000-printer-problems.js';
import { UpdateLife1770200000000 } from '../../migrations/1770200000000-update-life.js';
import { Rollback1770300000000 } from '../../migrations/1770300000000-rollback.js';
import { FirmwareBytes1770400000000 } from '../../migrations/1770400000000-firmware-bytes.js';
import { UnconfirmedUpdates1770500000000 } from '../../migrations/1770500000000-unconfirmed-updates.js';

/** The migrations, in the order in which they run. */
export const MIGRATIONS = [
  Initial1760000000000,
  Access1764000000000,
  Audit1765000000000,
  Signing1766000000000,
  Registration1768000000000,
  Fleet1769000000000,
  RolloutDetails1769100000000,
  PrinterSearch1769200000000,
  PrinterProblems1770100000000,
  UpdateLife1770200000000,
  Rollback1770300000000,
  FirmwareBytes1770400000000,
  UnconfirmedUpdates1770500000000,
] as const;

/** How the server opens its database; the entities come from the feature modules. */
export function dataSourceOptions(config: AppConfig): DataSourceOptions {
  return {
    type: 'better-sqlite3',
    database: config.databasePath,
    migrations: [...MIGRATIONS],
    migrationsRun: true,
    migrationsTransactionMode: 'all',
    synchronize: false,
    logging: false,
    prepareDatabase: (database: Database) => {
      database.pragma('journal_mode = WAL');
      // FULL, not NORMAL: in WAL mode NORMAL may lose the last commits when the power fails, and a Raspberry Pi loses power. A lost update
      // row would be an update in somebody's home that nobody knows of. The unit of work commits in groups, so that many writes share one
      // flush to the disk.
      database.pragma('synchronous = FULL');
      database.pragma('foreign_keys = ON');
      // Nothing else runs while SQLite waits for another process (creating a key on the command line takes some milliseconds).
      database.pragma('busy_timeout = 500');
      database.pragma(`cache_size = -${CACHE_KIB}`);
    },
  };
}
