import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { AppConfig } from '../src/config/config.js';
import { MIGRATIONS, dataSourceOptions } from '../src/database/data-source.js';
import { MIGRATION_NAMES } from '../src/database/migration-names.js';
import { schemaDifference } from '../src/database/schema-difference.js';
import { appliedMigrations, requireSameSchema } from '../src/database/sqlite/schema-check.js';
import { roll, upload } from './support/factories.js';
import { TestServer } from './support/server.js';

/** A migration of a made-up later version. */
class Later1999000000000 implements MigrationInterface {
  readonly name = 'Later1999000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE "rollout" ADD COLUMN "later" varchar');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE "rollout" DROP COLUMN "later"');
  }
}

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

  it('knows its migrations by name without loading them', () => {
    expect(MIGRATIONS.map(({ name }) => name)).toEqual(MIGRATION_NAMES);
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
    const names = (): Promise<unknown> =>
      dataSource.query(
        `SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite%' ORDER BY type, name`,
      );
    const all = await names();
    for (let left = dataSource.migrations.length; left > 0; left--) await dataSource.undoLastMigration();
    expect(await names()).toMatchObject([{ name: 'migrations' }]);
    await dataSource.runMigrations();
    expect(await names()).toEqual(all);
  });
});

describe('A database', () => {
  let server: TestServer;
  const path = (): string => join(server.folder, 'paperminder.db');

  beforeEach(async () => {
    server = await TestServer.start();
  });
  afterEach(() => server.stop());

  /** Opens the database of the stopped server, as a later version would, and runs that version's migrations. */
  async function asLaterVersion(work: (later: DataSource) => Promise<void>): Promise<void> {
    const options = dataSourceOptions(new AppConfig({ DATABASE_URL: `sqlite:///${path()}` }));
    const later = await new DataSource({
      ...options,
      migrations: [...MIGRATIONS, Later1999000000000],
    }).initialize();
    await work(later).finally(() => later.destroy());
  }

  it('is upgraded by the migrations that it lacks, and keeps its rows', async () => {
    await upload(server, '1.5.0');
    const { id } = await roll(server, '1.5.0', { target: { printer_ids: [randomUUID()] } });
    const before = (await server.request('GET', `/api/rollouts/${id}`)).body;
    await server.restart(() =>
      asLaterVersion(async (later) => {
        expect(await later.query('SELECT id, later FROM rollout')).toEqual([{ id, later: null }]);
        expect(schemaDifference(appliedMigrations(path()))).toEqual({
          newer: ['Later1999000000000'],
          missing: [],
        });
        await later.undoLastMigration();
      }),
    );
    expect((await server.request('GET', `/api/rollouts/${id}`)).body).toEqual(before);
  });

  it('of another version is recognized by its migrations, whatever their order', async () => {
    expect(schemaDifference(appliedMigrations(join(server.folder, 'none.db')))).toEqual({
      newer: [],
      missing: [...MIGRATION_NAMES],
    });
    const dataSource = server.get(DataSource);
    const rename = (name: string): Promise<unknown> =>
      dataSource.query('UPDATE migrations SET name = ?', [name]);
    expect(schemaDifference(appliedMigrations(path()))).toEqual({ newer: [], missing: [] });
    await rename('Earlier1700000000000');
    expect(schemaDifference(appliedMigrations(path()))).toEqual({
      newer: ['Earlier1700000000000'],
      missing: [...MIGRATION_NAMES],
    });
    await dataSource.query('DELETE FROM migrations');
    expect(schemaDifference(appliedMigrations(path()))).toEqual({ newer: [], missing: [...MIGRATION_NAMES] });
    expect(() => requireSameSchema(path())).toThrow(`it lacks migration ${MIGRATION_NAMES[0]}`);
  });

  it('never gives the number of a deleted row to another, for histories still name it', async () => {
    await upload(server, '1.5.0');
    await upload(server, '1.6.0');
    const { id } = await roll(server, '1.5.0');
    await server.request('DELETE', `/api/rollouts/${id}`);
    await server.request('DELETE', '/api/firmware/1.6.0');
    await server.restart();
    expect((await upload(server, '1.7.0')).id).toBe(3);
    expect((await roll(server, '1.5.0')).id).toBe(id + 1);
  });
});
