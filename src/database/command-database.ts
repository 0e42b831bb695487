import { DataSource } from 'typeorm';
import type { EntityTarget, ObjectLiteral } from 'typeorm';
import type { AppConfig } from '../config/config.js';
import { connectionOf, dataSourceOptions } from './data-source.js';
import { connect } from './postgres/connect.js';
import { PostgresSql } from './postgres/postgres-sql.js';
import * as postgres from './postgres/schema.js';
import type { Sql } from './sql.js';
import { requireDatabase, requireSameSchema } from './sqlite/schema-check.js';
import { sqlOn } from './sqlite/sqlite-sql.js';
import { Table } from './table.js';

/** The database as a command uses it, while the server may be running. */
export class CommandDatabase {
  private constructor(
    /** What to call it in messages; without a password. */
    readonly name: string,
    readonly sql: Sql,
    private readonly begin: string,
    private readonly dataSource: DataSource,
    readonly close: () => Promise<void>,
  ) {}

  /**
   * Opens the database that the settings name.
   *
   * @param entities whose tables the command uses
   * @throws StartupError if there is none, or its schema is not exactly this program's version: to migrate it would break a running server
   *   of another version
   */
  static async open(config: AppConfig, entities: Array<new () => object>): Promise<CommandDatabase> {
    const { databasePath, postgresUrl } = config;
    const options = { ...dataSourceOptions(config), entities, migrationsRun: false };
    if (postgresUrl !== null) {
      const client = await connect(postgresUrl, 'paperminder command');
      try {
        await postgres.requireSameSchema(client, postgresUrl);
        const dataSource = await new DataSource(options).initialize();
        const sql = new PostgresSql((statement) => client.query(statement));
        const close = async (): Promise<void> => {
          await dataSource.destroy();
          await client.end();
        };
        return new CommandDatabase(postgres.nameOf(postgresUrl), sql, 'BEGIN', dataSource, close);
      } catch (error) {
        await client.end();
        throw error;
      }
    }
    const path = String(databasePath);
    requireDatabase(path);
    requireSameSchema(path);
    const dataSource = await new DataSource(options).initialize();
    const close = (): Promise<void> => dataSource.destroy();
    return new CommandDatabase(path, sqlOn(connectionOf(dataSource)), 'BEGIN IMMEDIATE', dataSource, close);
  }

  /** The table of an entity. */
  table<T extends ObjectLiteral>(entity: EntityTarget<T>): Table<T> {
    return new Table<T>(this.dataSource.getMetadata(entity));
  }

  /** Does the work in a transaction; rolls it back if the work throws. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.sql.run(this.begin);
    try {
      const result = await work();
      await this.sql.run('COMMIT');
      return result;
    } catch (error) {
      await this.sql.run('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }
}
