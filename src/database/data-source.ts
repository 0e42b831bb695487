import type { DataSource, DataSourceOptions } from 'typeorm';
import type { Database } from 'better-sqlite3';
import type { AppConfig } from '../config/config.js';
import { WRITER } from './sqlite/pragmas.js';
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
      for (const [name, value] of Object.entries(WRITER)) database.pragma(`${name} = ${value}`);
    },
  };
}

/** The connection of a data source, for commands that write without a server. */
export function connectionOf(dataSource: DataSource): Database {
  const { driver } = dataSource;
  if (!('databaseConnection' in driver)) throw new Error('The database is not better-sqlite3');
  return driver.databaseConnection as Database;
}
