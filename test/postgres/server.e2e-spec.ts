import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Database } from '../../src/database/database.js';
import { binary, connected, expectStatus, roll, upload } from '../support/factories.js';
import { eventually } from '../support/eventually.js';
import { Program, build } from '../support/program.js';
import { TestServer } from '../support/server.js';
import { createTestDatabase } from '../support/test-database.js';
import type { TestDatabase } from '../support/test-database.js';

describe('A server on PostgreSQL', () => {
  let folder: string;
  let database: TestDatabase;

  beforeAll(async () => {
    await build();
    folder = await mkdtemp(join(tmpdir(), 'paperminder-'));
    database = await createTestDatabase(folder);
  }, 120_000);
  afterAll(async () => {
    await database.remove();
    await rm(folder, { recursive: true, force: true });
  });

  async function run(script: string, args: string[], url = database.url): Promise<[unknown, string]> {
    const uploads = { UPLOADS_DIR: join(folder, 'uploads'), HOST: '127.0.0.1', PORT: '0' };
    const program = Program.start(script, args, { DATABASE_URL: url, ...uploads }, folder);
    const end = await program.exit();
    return [end, program.output];
  }

  async function sql(text: string): Promise<void> {
    const client = new pg.Client(database.url);
    await client.connect();
    await client.query(text);
    await client.end();
  }

  it('is the only one, and leaves the database to the next when it is killed', async () => {
    const settings = { DATABASE_URL: database.url, HOST: '127.0.0.1', PORT: '0' };
    const first = Program.start('main.js', [], { ...settings, UPLOADS_DIR: join(folder, 'first') }, folder);
    await first.listening();
    const { host, pathname } = new URL(database.url);
    expect(await run('main.js', [])).toEqual([
      1,
      `The database postgres://${host}${pathname} is in use by another server. Stop that one first\n`,
    ]);
    first.child.kill('SIGKILL');
    await first.exit();
    const next = Program.start('main.js', [], { ...settings, UPLOADS_DIR: join(folder, 'first') }, folder);
    await next.listening();
    next.child.kill('SIGTERM');
    expect(await next.exit()).toBe('SIGTERM');
    expect(next.output).not.toMatch(/error|Deprecation/i);
  }, 120_000);

  it('has keys from the command line', async () => {
    const [end, output] = await run('access/cli.js', ['create', '--admin', 'ci']);
    expect([end, output]).toEqual([0, expect.stringMatching(/^Database: postgres:\/\/.*\n[^]*pmk_/)]);
    expect(await run('access/cli.js', ['list'])).toEqual([0, expect.stringContaining('admin')]);
  });

  it('is not backed up into a folder', async () => {
    const [end, output] = await run('backup/cli.js', ['backup', join(folder, 'backup')]);
    expect([end, output]).toEqual([1, expect.stringContaining('pg_dump')]);
  });

  it('refuses the schema of a newer version', async () => {
    await sql(`INSERT INTO migrations (timestamp, name) VALUES (1999000000000, 'Later1999000000000')`);
    for (const [script, args] of [
      ['main.js', []],
      ['access/cli.js', ['list']],
    ] as const)
      expect(await run(script, [...args])).toEqual([
        1,
        expect.stringMatching(
          /^The database postgres:.* newer version of the server: it has migration Later1999/,
        ),
      ]);
    await sql(`DELETE FROM migrations WHERE name = 'Later1999000000000'`);
  });

  it('says in one line, without the password, that the database cannot be reached', async () => {
    const [end, output] = await run('main.js', [], 'postgres://me:secret@127.0.0.1:9/none');
    expect(end).toBe(1);
    expect(output).toMatch(/^The server cannot start: The database cannot be reached: .*ECONNREFUSED.*\n$/);
    expect(output).not.toContain('secret');
  });
});

describe('A connection to PostgreSQL that is cut', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  const CUT = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()`;

  /** Ends all connections of the server to its database. */
  async function cut(): Promise<void> {
    const client = new pg.Client(server.databaseUrl);
    await client.connect();
    await client.query(CUT);
    await client.end();
  }

  it('is opened again, while printers stay connected', async () => {
    await upload(server, '1.5.0', {}, binary(1_000));
    const printer = await connected(server, { version: '1.4.0' });
    await cut();
    const { id } = await roll(server, '1.5.0');
    await eventually('the printer has the new version', () => printer.version === '1.5.0');
    await eventually(
      'its update is completed',
      () => server.request<Record<string, number>>('GET', `/api/rollouts/${id}`),
      ({ body }) => body.completed_count === 1,
    );
    expectStatus(await server.request('GET', '/health/ready'), 200);
  });

  it('fails the transaction that was on it, and none after it', async () => {
    const database = server.get(Database);
    await database.write((tx) => tx.sql.run('CREATE TABLE note (text varchar)'));
    const failing = database.write(async (tx) => {
      await tx.sql.run(`INSERT INTO note VALUES ('lost')`);
      await cut();
      await tx.sql.run(`INSERT INTO note VALUES ('lost, too')`);
    });
    const next = database.write((tx) => tx.sql.run(`INSERT INTO note VALUES ('kept')`));
    await expect(failing).rejects.toThrow('cannot be reached');
    expect(await next).toBe(1);
    expect(await database.committed.values('SELECT text FROM note')).toEqual([['kept']]);
  });

  it('fails a read that was on it, and none after it', async () => {
    const database = server.get(Database);
    const failing = database.scan(async (sql) => {
      await sql.count('SELECT 1');
      await cut();
      return sql.count('SELECT 1');
    });
    await expect(failing).rejects.toThrow('cannot be reached');
    expect(await database.scan((sql) => sql.count('SELECT 1'))).toBe(1);
    expect(await database.read((sql) => sql.count('SELECT 1'))).toBe(1);
  });

  it('makes the server wait no longer than the database takes, and then it is ready again', async () => {
    await cut();
    await eventually(
      'it is ready',
      async () => (await server.request('GET', '/health/ready')).status === 200,
    );
  });
});

describe('A database that is read-only', () => {
  it('makes the server not ready, until it can be written to again', async () => {
    const server = await TestServer.start();
    const client = new pg.Client(server.databaseUrl);
    await client.connect();
    const name = new URL(server.databaseUrl).pathname.slice(1);
    const ready = async (): Promise<unknown> => (await server.request('GET', '/health/ready')).body;
    await client.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`);
    await eventually('it is not ready', ready, (body) =>
      JSON.stringify(body).includes('database: The database is read-only'),
    );
    await client.query(`SET default_transaction_read_only = off`);
    await client.query(`ALTER DATABASE ${name} SET default_transaction_read_only = off`);
    await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`);
    await eventually(
      'it is ready',
      async () => (await server.request('GET', '/health/ready')).status === 200,
    );
    await client.end();
    await server.stop();
  });
});
