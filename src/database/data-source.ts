import { getMetadataArgsStorage } from 'typeorm';
import type { ColumnOptions, ColumnType, DataSource, DataSourceOptions } from 'typeorm';
import type { Database } from 'better-sqlite3';
import type { AppConfig } from '../config/config.js';
import { WRITER } from './sqlite/pragmas.js';
import { Initial1760000000000 } from '../../migrations/1760000000000-initial.js';

/** The migrations, in the order in which they run. */
export const MIGRATIONS = [Initial1760000000000];

const COMMON = {
  migrations: MIGRATIONS,
  migrationsRun: true,
  migrationsTransactionMode: 'all',
  synchronize: false,
  logging: false,
} as const;

/** How the server opens its database; the entities come from the feature modules. */
export function dataSourceOptions({ databasePath, postgresUrl }: AppConfig): DataSourceOptions {
  declareColumns(postgresUrl === null ? SQLITE_COLUMNS : POSTGRES_COLUMNS);
  if (postgresUrl !== null)
    return {
      ...COMMON,
      type: 'postgres',
      url: postgresUrl,
      applicationName: 'paperminder setup',
      installExtensions: false,
      // Only migrations use it.
      poolSize: 1,
    };
  return {
    ...COMMON,
    type: 'better-sqlite3',
    database: String(databasePath),
    prepareDatabase: (database: Database) => {
      database.pragma('journal_mode = WAL');
      for (const [name, value] of Object.entries(WRITER)) database.pragma(`${name} = ${value}`);
    },
  };
}

type Columns = ReadonlyMap<ColumnType, ColumnOptions>;

const SQLITE_COLUMNS: Columns = new Map();

// Integers are as large as on SQLite, and texts sort as there: by their bytes.
const POSTGRES_COLUMNS: Columns = new Map<ColumnType, ColumnOptions>([
  ['integer', { type: 'bigint' }],
  // What TypeORM calls the type of a generated number.
  [Number, { type: 'bigint' }],
  ['datetime', { type: 'timestamptz', precision: 3 }],
  ['varchar', { type: 'varchar', collation: 'C' }],
  ['text', { type: 'text', collation: 'C' }],
]);

const declared = new WeakMap<object, ColumnOptions>();

/**
 * Declares the entities' columns with the types of a database. The decorators name SQLite's, because they are evaluated before the settings
 * are known.
 */
function declareColumns(columns: Columns): void {
  for (const column of getMetadataArgsStorage().columns) {
    const original = declared.get(column) ?? column.options;
    declared.set(column, original);
    const changed = original.type === undefined ? undefined : columns.get(original.type);
    Object.assign(column, { options: { ...original, ...changed } });
  }
}

/** The connection of an SQLite data source, for commands that write without a server. */
export function connectionOf(dataSource: DataSource): Database {
  const { driver } = dataSource;
  if (!('databaseConnection' in driver)) throw new Error('The database is not better-sqlite3');
  return driver.databaseConnection as Database;
}
