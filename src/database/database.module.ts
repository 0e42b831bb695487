import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AppConfig } from '../config/config.js';
import { Changes } from './changes.js';
import { DataLock } from './data-lock.js';
import { DataPresence } from './data-presence.js';
import { dataSourceOptions } from './data-source.js';
import { Database } from './database.js';
import { refuseNewerSchema } from './schema-check.js';
import { UnitOfWork } from './unit-of-work.js';

@Module({ providers: [DataLock], exports: [DataLock] })
class DataLockModule {}

/** The database connection and the unit of work that everything goes through. */
@Global()
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      imports: [DataLockModule],
      // The lock comes first: nothing looks into the database of another server, and no migration runs under it.
      inject: [AppConfig, DataLock],
      useFactory: (config: AppConfig, lock: DataLock) => {
        try {
          refuseNewerSchema(config.databasePath);
        } catch (error) {
          lock.release();
          throw error;
        }
        return {
          ...dataSourceOptions(config),
          autoLoadEntities: true,
          // A file that cannot be opened now cannot be opened in three seconds either.
          retryAttempts: 0,
        };
      },
    }),
    DataLockModule,
  ],
  providers: [Changes, DataPresence, Database, UnitOfWork],
  exports: [Changes, DataPresence, Database, UnitOfWork],
})
export class DatabaseModule {}
