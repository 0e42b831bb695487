import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connected, expectStatus, roll, upload } from '../support/factories.js';
import { eventually } from '../support/eventually.js';
import { Program, build } from '../support/program.js';
import { TestServer } from '../support/server.js';
import { createTestDatabase } from '../support/test-database.js';
import type { TestDatabase } from '../support/test-database.js';

describe('An installation that moves to PostgreSQL', () => {
  let folder: string;
  let database: TestDatabase;
  const uuids = Array.from({ length: 5 }, () => randomUUID());
  let before: unknown[];

  beforeAll(async () => {
    await build();
    folder = await mkdtemp(join(tmpdir(), 'paperminder-'));
    database = await createTestDatabase(folder);
    const server = await TestServer.startIn(folder);
    await upload(server, '1.4.0');
    await upload(server, '1.5.0', { release_notes: 'Before\0behind, ﷐ and 😀' });
    const fleet = await Promise.all(
      uuids.map((uuid, index) =>
        connected(server, { uuid, version: '1.4.0', behaviour: index === 0 ? 'fail' : 'update' }),
      ),
    );
    await roll(server, '1.5.0');
    await eventually(
      'four are updated',
      () => fleet.filter(({ version }) => version === '1.5.0').length === 4,
    );
    await eventually(
      'all have ended',
      () => server.request<{ rollouts: Array<Record<string, number>> }>('GET', '/api/rollouts'),
      ({ body }) => body.rollouts[0]?.completed_count === 4 && body.rollouts[0].failed_count === 1,
    );
    // Its number must not be assigned again.
    await upload(server, '1.6.0');
    expectStatus(await server.request('DELETE', '/api/firmware/1.6.0'), 204);
    await server.stopPrinters();
    before = await answers(server);
    await server.halt();
  }, 120_000);
  afterAll(async () => {
    await database.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** What operators see, without what depends on the time. */
  async function answers(server: TestServer): Promise<unknown[]> {
    await eventually(
      'everybody is offline',
      () => server.request<{ printers: Array<{ online: boolean }> }>('GET', '/api/printers'),
      ({ body }) => body.printers.every(({ online }) => !online),
    );
    const paths = [
      '/api/firmware',
      '/api/printers?order=asc',
      '/api/rollouts',
      '/api/rollouts/1',
      '/api/rollouts/1/failures',
      '/api/audit',
      '/api/keys',
      ...uuids.map((uuid) => `/api/printers/${uuid}/updates`),
    ];
    return Promise.all(paths.map(async (path) => [path, (await server.request('GET', path)).body]));
  }

  async function migrate(...options: string[]): Promise<[unknown, string]> {
    const from = `sqlite:///${join(folder, 'paperminder.db')}`;
    const uploads = { UPLOADS_DIR: join(folder, 'uploads') };
    const args = ['--from', from, '--to', database.url, ...options];
    const program = Program.start('migrate/cli.js', args, uploads, folder);
    return [await program.exit(), program.output];
  }

  it('is not copied while its server runs', async () => {
    const server = await TestServer.startIn(folder);
    expect(await migrate()).toEqual([1, expect.stringContaining('is in use: process')]);
    await server.halt();
  });

  it('is copied whole, and a second time only if it is to be replaced', async () => {
    const copied = [0, expect.stringMatching(/^Copied and verified \d+ tables with \d+ rows\n$/)];
    expect(await migrate()).toEqual(copied);
    expect(await migrate()).toEqual([1, expect.stringMatching(/is not empty \(.*printer.*\)/)]);
    expect(await migrate('--overwrite')).toEqual(copied);
  });

  it('answers as before, downloads what it had, and goes on counting', async () => {
    const server = await TestServer.startIn(folder, database);
    expect(await answers(server)).toEqual(before);
    const download = await fetch(`${server.url}/api/firmware/download/1.5.0`);
    expect(download.status).toBe(200);
    const next = await upload(server, '1.7.0');
    expect(next.id).toBe(4);
    const printer = await connected(server, { uuid: uuids[1]!, version: '1.5.0' });
    await roll(server, '1.7.0');
    await eventually('it is updated', () => printer.version === '1.7.0');
    await server.stopPrinters();
    await server.halt();
  });

  it('says in one line what is wrong with the addresses', async () => {
    const run = async (...args: string[]): Promise<string> => {
      const program = Program.start('migrate/cli.js', args, {}, folder);
      expect(await program.exit()).toBe(1);
      return program.output;
    };
    expect(await run('--from', database.url, '--to', database.url)).toMatch(
      /^--from must be the URL of an SQLite/,
    );
    expect(await run('--to', 'sqlite:///a.db')).toMatch(/^--to must be postgres:/);
    expect(await run('--from', 'sqlite:///none.db', '--to', database.url)).toMatch(
      /^There is no database at/,
    );
  });
});
