import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { MIGRATIONS } from '../src/database/data-source.js';
import { MIGRATION_NAMES } from '../src/database/migration-names.js';
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

  it('knows its migrations by name without loading them', () => {
    expect(MIGRATIONS.map(({ name }) => name)).toEqual(MIGRATION_NAMES);
  });

  it('keeps its updates through the migration that orders them by number', async () => {
    const old = async (): Promise<boolean> =>
      (await dataSource.query<unknown[]>(`SELECT 1 FROM sqlite_master WHERE name = 'service_time'`))
        .length === 0;
    while (!(await old())) await dataSource.undoLastMigration();
    await dataSource.query(`INSERT INTO printer (id, uuid, name, blocked, user_id, firmware_version, version_key, auto_update,
      update_channel, last_connected, last_ip, created_at) VALUES (7, 'u', 'n', 0, 'o', '1', '1', 1, 'stable', '', '', '')`);
    // The one under way began while the clock was a year behind.
    for (const [id, status, year] of [
      [3, 'completed', 2025],
      [4, 'failed', 2026],
      [5, 'in_progress', 2024],
    ])
      await dataSource.query(
        `INSERT INTO printer_update (id, rollout_id, printer_id, firmware_id, firmware_version, status, attempts, send_on_resume,
          confirmed, superseded, error_message, started_at, last_sign_of_life, last_percent)
          VALUES (${id}, ${id}, 7, 1, '1', '${status}', 1, 0, 1, 0, 'e', '${year}-01-01 00:00:00.000', '', 9)`,
      );
    await dataSource.runMigrations();
    const rows = `SELECT id, status, error_message, last_percent, last_heard, sequence FROM printer_update ORDER BY sequence`;
    const rest = { error_message: 'e', last_percent: 9, last_heard: 0 };
    expect(await dataSource.query(rows)).toEqual([
      { id: 3, status: 'completed', ...rest, sequence: 1 },
      { id: 4, status: 'failed', ...rest, sequence: 2 },
      { id: 5, status: 'in_progress', ...rest, sequence: 3 },
    ]);
    await dataSource.query('DELETE FROM printer');
    expect(await dataSource.query('SELECT id FROM printer_update')).toEqual([]);
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
