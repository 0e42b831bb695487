import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import { RolloutEvents } from '../../src/rollout/store/rollout.events.js';
import type { VirtualPrinter } from '../../src/simulator/virtual-printer.js';
import { eventually } from '../support/eventually.js';
import {
  binary,
  connected,
  counts,
  handled,
  history,
  printer,
  roll,
  upload,
  uploadForm,
} from '../support/factories.js';
import type { ProblemBody } from '../support/factories.js';
import type { Reachable } from '../support/server.js';
import { TestServer } from '../support/server.js';
import { ServerProcess } from '../support/server-process.js';
import { stopAfterEach } from '../support/stop-after-each.js';
import { SmallDisk, attempt, explainSkip, whyNotImmutable } from './small-disk.js';

const MIB = 1024 * 1024;
// Each write that finds the database locked holds the server up, and each printer that was told to wait adds some.
const PATIENCE_MS = 60_000;
const IMMEDIATE = { firmware_version: '1.5.0', target: { all: true }, rollout_type: 'immediate' };

const stopped = stopAfterEach();

/** Asks for what needs a write, and expects to be told to come again later. */
async function expectUnavailable(server: Reachable, path: string, body: object): Promise<void> {
  const answer = await server.request<ProblemBody>('POST', path, body);
  expect([answer.status, answer.headers.get('retry-after'), answer.body.detail]).toEqual([
    503,
    '5',
    expect.stringContaining('try again later'),
  ]);
}

async function readiness(server: Reachable): Promise<[number, unknown]> {
  const { status, body } = await server.request<ProblemBody>('GET', '/health/ready');
  return [status, body.detail];
}

async function recovers(server: Reachable): Promise<void> {
  await eventually(
    'the server is ready again',
    () => readiness(server),
    ([status]) => status === 200,
    PATIENCE_MS,
  );
}

/**
 * Expects that nothing was lost: the update under way goes on, printers that were told to wait come back and are updated, and so is a
 * new one.
 */
async function expectUndamaged(
  server: Reachable,
  one: VirtualPrinter,
  bytes: Uint8Array,
  waiting: VirtualPrinter[] = [],
): Promise<void> {
  const image = await fetch(`${server.url}/api/firmware/download/1.5.0`);
  expect(Buffer.from(await image.arrayBuffer())).toEqual(Buffer.from(bytes));
  await eventually('its printer is connected', () => one.subscribed, Boolean, PATIENCE_MS);
  one.send({ kind: 'firmware_progress', percent: 70, status: 'going on' });
  await handled(one);
  expect((await history(server, one.options.uuid))[0]).toMatchObject({
    status: 'in_progress',
    last_percent: 70,
  });
  expect(one.orders).toHaveLength(1);
  const counted = async (completed: number): Promise<void> => {
    const wanted = [0, 1, completed, 0, 0];
    const matches = (seen: number[]): boolean => isDeepStrictEqual(seen, wanted);
    await eventually(`the counters are ${wanted.join(', ')}`, () => counts(server, 1), matches);
  };
  await eventually(
    'those that were told to wait are updated',
    () => waiting.every(({ version }) => version === '1.5.0'),
    Boolean,
    PATIENCE_MS,
  );
  await counted(waiting.length);
  const second = stopped(await connected(server));
  await eventually('a printer that comes later is updated', () => second.version === '1.5.0');
  await counted(waiting.length + 1);
}

describe('A full disk', () => {
  const disk = SmallDisk.mount(12);
  const settings = (folder: string): Record<string, string> => ({
    DATABASE_URL: `sqlite:///${join(folder, 'paperminder.db')}`,
    UPLOADS_DIR: join(folder, 'uploads'),
    MAX_FIRMWARE_SIZE: String(MIB),
  });
  if (typeof disk === 'string') explainSkip('a full disk', disk);
  else afterAll(() => disk.unmount());
  const mounted = typeof disk === 'string' ? null : disk;

  (mounted ? it : it.skip)(
    'is said to be one, leaves nothing half-done, and once there is room all goes on by itself',
    async () => {
      const { folder } = mounted!;
      const server = stopped(await ServerProcess.start(settings(folder)));
      const bytes = binary(200_000);
      await upload(server, '1.5.0', {}, bytes);
      const one = stopped(await connected(server, { behaviour: 'hang' }));
      await roll(server, '1.5.0');
      await eventually('the update is sent', () => one.orders.length === 1);
      const names = await readdir(join(folder, 'uploads'));

      mounted!.fill();
      await expectUnavailable(server, '/api/firmware/upload', uploadForm({ version: '1.6.0' }, binary(MIB)));
      expect(await readdir(join(folder, 'uploads', 'incoming'))).toEqual([]);
      expect(await readdir(join(folder, 'uploads'))).toEqual(names);
      const [status, detail] = await readiness(server);
      expect([status, detail]).toEqual([503, expect.stringContaining('uploads')]);
      // Small writes may still find room in what the database has already; in the end they do not.
      let changelog = '';
      await eventually(
        'the database finds no room for much',
        async () => {
          const longer = randomBytes(45_000).toString('hex');
          const answer = await server.request('PATCH', '/api/firmware/1.5.0', { changelog: longer });
          if (answer.status === 200) changelog = longer;
          return answer.status;
        },
        (seen) => seen !== 200,
        60_000,
      );
      let accepted = 1;
      await eventually(
        'the database finds no room for little either',
        async () => {
          const answer = await server.request('POST', '/api/rollouts', {
            ...IMMEDIATE,
            target: { channels: ['canary'] },
          });
          if (answer.status === 201) accepted += 1;
          return answer.status;
        },
        (seen) => seen !== 201,
        60_000,
      );
      await expectUnavailable(server, '/api/rollouts', IMMEDIATE);
      expect(await readiness(server)).toEqual([503, expect.stringMatching(/database: .*full/)]);
      one.send({ kind: 'firmware_progress', percent: 50, status: 'not written' });
      await handled(one);
      expect((await server.request('GET', '/api/printers')).status).toBe(200);

      mounted!.free();
      await recovers(server);
      await upload(server, '1.6.0', {}, binary(MIB));
      const { body } = await server.request<{ rollouts: unknown[] }>('GET', '/api/rollouts?limit=1000');
      expect(body.rollouts).toHaveLength(accepted);
      const kept = await server.request<{ changelog: string | null }>('GET', '/api/firmware/1.5.0');
      expect(kept.body.changelog ?? '').toBe(changelog);
      await expectUndamaged(server, one, bytes);
      expect(one.received.filter(({ code }) => code === 'info')).toHaveLength(1);
    },
    180_000,
  );
});

describe('A database file', () => {
  /** Another process that holds the database for itself until it is ended. */
  async function lockedByAnother(file: string): Promise<() => Promise<void>> {
    const script = `const db = new (require('better-sqlite3'))(process.argv[1], { timeout: 30_000 }); db.exec('BEGIN EXCLUSIVE');
      console.log('locked'); setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['-e', script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    // Where it finds the database locked itself it ends, and says why.
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    expect(child.exitCode).toBeNull();
    return async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    };
  }

  /** A file system with open files cannot be made read-only, and root may write what others may not: so it is the file. */
  function writeProtected(file: string): Promise<() => Promise<void>> {
    const chattr = (flag: string): void => {
      expect(attempt('chattr', flag, `${file}-wal`)).toBeNull();
    };
    chattr('+i');
    return Promise.resolve(() => {
      chattr('-i');
      return Promise.resolve();
    });
  }

  const immutable = whyNotImmutable();
  if (immutable !== null) explainSkip('a database that cannot be written', immutable);
  const harms: Array<[string, (file: string) => Promise<() => Promise<void>>]> = [
    ['locked by another process', lockedByAnother],
    ...(immutable === null
      ? [['that cannot be written', writeProtected] as [string, typeof writeProtected]]
      : []),
  ];

  it.each(harms)(
    '%s makes writes 503 with Retry-After, and all goes on by itself afterwards',
    async (_how, harm) => {
      const server = stopped(await ServerProcess.start());
      const file = join(server.folder, 'paperminder.db');
      const bytes = binary();
      await upload(server, '1.5.0', {}, bytes);
      const one = stopped(await connected(server, { behaviour: 'hang' }));
      await roll(server, '1.5.0');
      await eventually('the update is sent', () => one.orders.length === 1);
      const names = await readdir(join(server.folder, 'uploads'));

      const mend = await harm(file);
      const late = stopped(printer(server)).start();
      try {
        await expectUnavailable(server, '/api/rollouts', IMMEDIATE);
        await expectUnavailable(server, '/api/firmware/upload', uploadForm({ version: '1.6.0' }));
        expect(await readiness(server)).toEqual([503, expect.stringContaining('database: ')]);
        expect(await readdir(join(server.folder, 'uploads'))).toEqual(names);
        one.send({ kind: 'firmware_progress', percent: 50, status: 'not written' });
        await handled(one);
        expect((await server.request('GET', '/api/rollouts/1')).status).toBe(200);
        await eventually(
          'a new printer is told to wait',
          () => late.received.some(({ code }) => code === 'server_error'),
          Boolean,
          PATIENCE_MS,
        );
      } finally {
        await mend();
      }
      await recovers(server);
      await upload(server, '1.6.0');
      await expectUndamaged(server, one, bytes, [late]);
    },
    180_000,
  );

  it('that is locked while a rollout is pushed keeps no connected printer from its update', async () => {
    const server = stopped(await TestServer.start());
    await upload(server, '1.5.0');
    const one = stopped(await connected(server));
    const other = new SqliteDatabase(join(server.folder, 'paperminder.db'));
    const listening = server.get(RolloutEvents).printersMayHaveUpdates.subscribe(() => {
      listening.unsubscribe();
      other.exec('BEGIN IMMEDIATE');
      setTimeout(() => other.exec('ROLLBACK'), 1_500);
    });
    await roll(server, '1.5.0');
    await eventually('the update is installed', () => one.version === '1.5.0', Boolean, 30_000);
    // On the socket that it had all the while: no reconnect was needed before the update came.
    const order = one.received.findIndex(({ kind }) => kind === 'firmware_update');
    expect(one.received.slice(0, order).filter(({ code }) => code === 'info')).toHaveLength(1);
    other.close();
  }, 60_000);
});
