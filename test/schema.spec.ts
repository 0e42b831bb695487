import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { TestServer } from './support/server.js';

describe('The database', () => {
  let server: TestServer;
  let dataSource: DataSource;

  beforeAll(async () => {
    server = await TestServer.start();
    dataSource = server.get(DataSource);
  });
  afterAll(() => server.stop());

  it('has exactly the schema of the entities, once its migrations have run', async () => {
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  it.each([
    ['journal_mode', 'wal'],
    ['synchronous', 2], // FULL
    ['foreign_keys', 1],
    ['busy_timeout', 500],
  ])('is opened with %s = %s', async (pragma, value) => {
    const [row] = await dataSource.query<Array<Record<string, unknown>>>(`PRAGMA ${pragma}`);
    expect(Object.values(row!)).toEqual([value]);
  });

  it('can undo its migrations, and run them again', async () => {
    for (let left = dataSource.migrations.length; left > 0; left--) await dataSource.undoLastMigration();
    const tables = await dataSource.query<unknown[]>(`SELECT name FROM sqlite_master WHERE name = 'printer'`);
    expect(tables).toEqual([]);
    await dataSource.runMigrations();
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries).toEqual([]);
  });
});
