import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { DataSourceOptions } from 'typeorm';
import { AppConfig } from '../config/config.js';
import { Changes } from './changes.js';
import { DataLock } from './lock/data-lock.js';
import { DataPresence } from './lock/data-presence.js';
import { dataSourceOptions } from './data-source.js';
import { Database } from './database.js';
import { PostgresDatabase } from './postgres/postgres-database.js';
import { migratePostgres } from './postgres/schema.js';
import { SqliteFile } from './sqlite/sqlite-database.js';

/** The database connections; all writes go through `Database.write`. */
@Global()
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      inject: [AppConfig],
      useFactory: (config: AppConfig) => ({
        ...dataSourceOptions(config),
        autoLoadEntities: true,
        // A file that cannot be opened now cannot be opened in three seconds either.
        retryAttempts: 0,
      }),
      dataSourceFactory: openDataSource,
    }),
  ],
  providers: [
    Changes,
    DataPresence,
    {
      provide: Database,
      inject: [DataSource, AppConfig, DataLock, DataPresence],
      useFactory: openDatabase,
    },
  ],
  exports: [Changes, DataPresence, Database],
})
export class DatabaseModule {
  /** @param lock held until the database is closed */
  static with(lock: DataLock): DynamicModule {
    return { module: DatabaseModule, providers: [{ provide: DataLock, useValue: lock }] };
  }
}

/** Opens the data source, and brings the schema up to date. */
async function openDataSource(options?: DataSourceOptions): Promise<DataSource> {
  if (options?.type === 'postgres') return migratePostgres(String(options.url), options);
  if (options === undefined) throw new Error('The data source has no options');
  return new DataSource(options).initialize();
}

function openDatabase(
  dataSource: DataSource,
  { databasePath, postgresUrl, databasePoolSize }: AppConfig,
  lock: DataLock,
  presence: DataPresence,
): Database {
  if (databasePath !== null) return new SqliteFile(dataSource, databasePath, lock, presence);
  return new PostgresDatabase(
    dataSource,
    { url: String(postgresUrl), poolSize: databasePoolSize },
    lock,
    presence,
  );
}
