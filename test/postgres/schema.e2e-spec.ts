import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { Database } from '../../src/database/database.js';
import { TestServer } from '../support/server.js';

describe('The schema on PostgreSQL', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  it('is exactly that of the entities, once the migrations have run', async () => {
    const { upQueries } = await server.get(DataSource).driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('has numbers as large, instants as exact and texts sorted as on SQLite', async () => {
    const types = await server.get(Database).committed.values(
      `SELECT DISTINCT data_type, datetime_precision, collation_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name <> 'migrations' ORDER BY data_type`,
    );
    expect(types).toEqual([
      ['bigint', null, null],
      ['boolean', null, null],
      ['character varying', null, 'C'],
      ['text', null, 'C'],
      ['timestamp with time zone', 3, null],
    ]);
  });

  it('can be undone, and made again', async () => {
    const dataSource = server.get(DataSource);
    await dataSource.undoLastMigration();
    const left = await dataSource.query<unknown[]>(
      `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname <> 'migrations'`,
    );
    expect(left).toEqual([]);
    await dataSource.runMigrations();
    expect(await server.get(Database).committed.values('SELECT count(*) FROM printer')).toEqual([[0]]);
  });
});
