import type { DataSourceOptions } from 'typeorm';
import type { Database } from 'better-sqlite3';
import type { AppConfig } from '../config/config.js';
import { CACHE_KIB } from './database.js';
import { Initial1760000000000 } from '../../migrations/1760000000000-initial.js';

/** The migrations, in the order in which they run. */
export const MIGRATIONS = [Initial1760000000000] as const;

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
      // row would be an update in somebody's home that nobody knows of. Printers' jobs are committed in batches, so that many writes share
      // one flush to the disk.
      database.pragma('synchronous = FULL');
      database.pragma('foreign_keys = ON');
      // Nothing else runs while SQLite waits for another process (creating a key on the command line takes some milliseconds).
      database.pragma('busy_timeout = 500');
      database.pragma(`cache_size = -${CACHE_KIB}`);
    },
  };
}
