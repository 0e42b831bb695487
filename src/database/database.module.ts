import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AppConfig } from '../config/config.js';
import { Changes } from './changes.js';
import { DataLock } from './sqlite/data-lock.js';
import { DataPresence } from './sqlite/data-presence.js';
import { dataSourceOptions } from './data-source.js';
import { Database } from './database.js';

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
    }),
  ],
  providers: [Changes, DataPresence, Database],
  exports: [Changes, DataPresence, Database],
})
export class DatabaseModule {
  /** @param lock held until the database is closed */
  static with(lock: DataLock): DynamicModule {
    return { module: DatabaseModule, providers: [{ provide: DataLock, useValue: lock }] };
  }
}
