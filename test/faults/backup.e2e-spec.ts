import { createHash, randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Manifest } from '../../src/backup/manifest.js';
import { FileLock } from '../../src/database/lock/file-lock.js';
import type { FirmwareResponse } from '../../src/firmware/firmware-response.dto.js';
import { uuidFrom } from '../../src/simulator/identity.js';
import { eventually } from '../support/eventually.js';
import { binary, connected, roll, rollout, upload } from '../support/factories.js';
import { Program, build } from '../support/program.js';
import { propertyRuns } from '../support/property-runs.js';
import { TestServer } from '../support/server.js';
import type { Reachable } from '../support/server.js';
import { ServerProcess } from '../support/server-process.js';
import { audit } from './audit.js';
import { Operator } from './operator.js';
import { Random } from './random.js';
import { RecordingPrinter } from './recording-printer.js';

const MIB = 1024 * 1024;
// How often a server is backed up while it works. Each time, two programs and a server are started.
const COPIES = propertyRuns(1, 2);
// How often a backup is interrupted. Each time, two programs are started.
const ROUNDS = propertyRuns(2, 6);

const running: Array<{ stop(): Promise<void> }> = [];
const folders: string[] = [];
beforeAll(build, 120_000);
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Remembers what must be stopped when the test has ended, however it ended. */
function stopped<T extends { stop(): Promise<void> }>(one: T): T {
  running.push(one);
  return one;
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'paperminder-backup-'));
  folders.push(folder);
  return folder;
}

/** Where a backup has the secret of the downloads. */
function secretIn(backup: string): string {
  return manifestIn(backup).files.find(({ role }) => role === 'download_secret')!.path;
}

/** Settings of a server that keeps everything in a folder. */
function dataIn(folder: string): Record<string, string> {
  return {
    DATABASE_URL: `sqlite:///${join(folder, 'paperminder.db')}`,
    UPLOADS_DIR: join(folder, 'uploads'),
  };
}

/** Starts `npm run backup` or `npm run restore` for the server whose data is in a folder. */
function start(command: 'backup' | 'restore', to: string, folder: string): Program {
  return Program.start('backup/cli.js', [command, to], dataIn(folder), folder);
}

/** Runs it to its end: the exit code and what it said. */
async function run(command: 'backup' | 'restore', to: string, folder: string): Promise<[unknown, string]> {
  const program = start(command, to, folder);
  return [await program.exit(), program.output];
}

/** Runs it where it must succeed. */
async function succeed(command: 'backup' | 'restore', to: string, folder: string): Promise<void> {
  expect(await run(command, to, folder)).toEqual([0, expect.stringMatching(/^(?:Backed up|Restored) /)]);
}

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
}

/** Every build that the server lists, downloaded, has the bytes that it was uploaded with. */
async function expectDownloads(server: Reachable): Promise<FirmwareResponse[]> {
  const { body } = await server.request<FirmwareResponse[]>('GET', '/api/firmware');
  for (const { version, channel, sha256_checksum } of body) {
    const answer = await fetch(`${server.url}/api/firmware/download/${version}?channel=${channel}`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect([version, answer.status, sha256]).toEqual([version, 200, sha256_checksum]);
  }
  return body;
}

describe('A backup', () => {
  it('in the middle of all kinds of work holds everything that was acknowledged before it began', async () => {
    const server = stopped(await ServerProcess.start());
    const random = new Random(Number(process.env.FAULT_SEED ?? randomInt(2 ** 31)));
    const uuids = Array.from({ length: 12 }, (_, index) => uuidFrom('backup', 'printer', index));
    const operator = new Operator(server, random, uuids);
    const printers = uuids.map((uuid, index) => {
      const options = { name: `Printer ${index}`, version: '1.4.0', reconnectMs: 50, rebootMs: 50 };
      return stopped(new RecordingPrinter({ ...options, server: server.url, uuid, userId: uuid })).start();
    });
    const working = operator.work();
    // Binaries that come and go while the backup copies.
    let churning = true;
    const churn = async (from: number): Promise<void> => {
      for (let patch = from; churning; patch += 2) {
        await upload(server, `0.1.${patch}`, {}, binary(50_000));
        await server.request('DELETE', `/api/firmware/0.1.${patch}`);
      }
    };
    const churns = [churn(0), churn(1)];
    await eventually(
      'there is something to lose',
      () => operator.rollouts.size > 3 && operator.uploads.size > 3 && printers.every((one) => one.accepted),
      Boolean,
      60_000,
    );

    const backup = newFolder();
    for (let round = 1; round <= COPIES; round += 1) {
      const before = {
        uploads: new Map(operator.uploads),
        ended: new Set(operator.ended),
        rollouts: new Map([...operator.rollouts].map(([id, { version }]) => [id, version])),
      };
      const sent = printers.map(({ options, orders }) => ({ options, orders: [...orders] }));
      await succeed('backup', backup, server.folder);

      const elsewhere = newFolder();
      await succeed('restore', backup, elsewhere);
      expect(readdirSync(elsewhere).sort()).toEqual([
        'claim-token',
        'download-secret',
        'paperminder.db',
        'uploads',
      ]);
      expect(
        audit(
          elsewhere,
          before,
          sent.map((one) => ({ ...one, accepted: null, version: '' })),
        ),
      ).toEqual([]);
      const restored = stopped(await TestServer.startIn(elsewhere));
      for (const [id, version] of before.rollouts)
        expect(await rollout(restored, id)).toMatchObject({ firmware_version: version });
      await expectDownloads(restored);
      const { body } = await restored.request<{ total: number }>('GET', '/api/printers?limit=1');
      expect(body.total).toBe(printers.length);
      expect((await restored.request('GET', '/health/ready')).body).toMatchObject({
        info: { firmware: { damaged: [] } },
      });
    }
    churning = false;
    await Promise.all(churns);
    await server.end('SIGKILL');
    await working;
  }, 300_000);

  it('brings keys and the addresses in update messages along, and only its owner can read it', async () => {
    const server = stopped(await TestServer.start());
    await upload(server, '1.5.0', {}, binary(20_000));
    const one = stopped(await connected(server, { behaviour: 'hang' }));
    await roll(server, '1.5.0');
    await eventually('the update is sent', () => one.orders.length === 1);
    const keys = Program.start(
      'access/cli.js',
      ['create', '--admin', 'Ada'],
      dataIn(server.folder),
      server.folder,
    );
    expect(await keys.exit()).toBe(0);
    const key = /^pmk_\S{43}$/m.exec(keys.output)?.[0] ?? '';

    const backup = join(newFolder(), 'to', 'be', 'made');
    await succeed('backup', backup, server.folder);
    const files = readdirSync(backup, { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => statSync(join(backup, name)).mode & 0o077)).toEqual([]);
    expect(statSync(backup).mode & 0o777).toBe(0o700);
    await server.stop();

    const elsewhere = newFolder();
    await succeed('restore', backup, elsewhere);
    const restored = stopped(await TestServer.startIn(elsewhere));
    expect((await restored.request('GET', '/api/printers')).status).toBe(401);
    const answer = await restored.request('GET', '/api/printers', undefined, {
      authorization: `Bearer ${key}`,
    });
    expect(answer.status).toBe(200);
    const { pathname, search } = new URL(one.orders[0]!.url);
    expect((await fetch(restored.url + pathname + search)).status).toBe(200);
    expect((await fetch(restored.url + pathname)).status).toBe(401);
  }, 180_000);

  it('of a server that is stopped leaves its database as it was, and keeps what an earlier one has copied', async () => {
    const server = stopped(await TestServer.start());
    for (const version of ['1.5.0', '1.6.0']) await upload(server, version);
    const backup = newFolder();
    await server.restart(async () => {
      const names = readdirSync(server.folder).sort();
      const [code, said] = await run('backup', backup, server.folder);
      expect([code, said]).toEqual([0, expect.stringContaining('2 binaries, 2 of them copied now')]);
      expect(readdirSync(server.folder).sort()).toEqual(names);
    });
    await upload(server, '1.7.0');
    await server.request('DELETE', '/api/firmware/1.5.0');
    expect((await run('backup', backup, server.folder))[1]).toContain('2 binaries, 1 of them copied now');
    const { files } = manifestIn(backup);
    // What only the earlier one needed is gone.
    expect(readdirSync(join(backup, 'uploads')).sort()).toEqual(
      files.filter(({ role }) => role === 'binary').map(({ sha256 }) => sha256),
    );
    expect(readdirSync(backup).filter((name) => name.endsWith('.db'))).toHaveLength(1);
  }, 180_000);

  it('that is interrupted leaves the earlier one whole, and is finished by the next', async () => {
    const server = stopped(await TestServer.start());
    for (let minor = 0; minor < 5; minor += 1) await upload(server, `1.${minor}.0`, {}, binary(MIB));
    const backup = newFolder();
    await succeed('backup', backup, server.folder);
    for (let minor = 5; minor < 20; minor += 1) await upload(server, `1.${minor}.0`, {}, binary(MIB));
    let interrupted = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const program = start('backup', backup, server.folder);
      const copied = readdirSync(join(backup, 'uploads')).length;
      await eventually(
        'it has copied something more',
        () => program.end !== undefined || readdirSync(join(backup, 'uploads')).length > copied,
      );
      if (program.end === undefined) interrupted += 1;
      program.child.kill('SIGKILL');
      await program.exit();
      const elsewhere = newFolder();
      await succeed('restore', backup, elsewhere);
      expect(readdirSync(join(elsewhere, 'uploads')).length).toBeGreaterThanOrEqual(5);
    }
    expect(interrupted).toBeGreaterThan(0);
    await succeed('backup', backup, server.folder);
    expect(manifestIn(backup).files.filter(({ role }) => role === 'binary')).toHaveLength(20);
    const names = readdirSync(backup, { recursive: true, encoding: 'utf8' });
    expect(names.filter((name) => name.endsWith('.partial'))).toEqual([]);
    const elsewhere = newFolder();
    await succeed('restore', backup, elsewhere);
    expect(await expectDownloads(stopped(await TestServer.startIn(elsewhere)))).toHaveLength(20);
  }, 300_000);

  it('of a server with a damaged binary holds the rest, says which, and ends with 2', async () => {
    const server = stopped(await TestServer.start());
    const { sha256_checksum: sha256 } = await upload(server, '1.5.0', { platform: 'esp32' });
    await upload(server, '1.6.0');
    writeFileSync(join(server.folder, 'uploads', sha256), 'damaged');
    const backup = newFolder();
    const said = expect.stringContaining(
      `Without the binary of firmware 1.5.0 (stable, esp32): it was missing or damaged on the server. Upload the file with SHA-256 ${sha256} again`,
    );
    expect(await run('backup', backup, server.folder)).toEqual([2, said]);
    const elsewhere = newFolder();
    expect(await run('restore', backup, elsewhere)).toEqual([2, said]);
    const restored = stopped(await TestServer.startIn(elsewhere));
    expect((await fetch(`${restored.url}/api/firmware/download/1.6.0`)).status).toBe(200);
  }, 180_000);

  it('is refused without a database, within the uploads folder, and beside another one to the same folder', async () => {
    const server = stopped(await TestServer.start());
    const nothing = newFolder();
    expect(await run('backup', newFolder(), nothing)).toEqual([
      1,
      expect.stringMatching(/^There is no database at \S+\/paperminder\.db \(DATABASE_URL\)\. [^\n]+\n$/),
    ]);
    expect(readdirSync(nothing)).toEqual([]);
    expect(await run('backup', join(server.folder, 'uploads', 'backup'), server.folder)).toEqual([
      1,
      expect.stringMatching(/^A backup cannot be kept in the uploads folder: \S+\n$/),
    ]);
    const backup = newFolder();
    const other = FileLock.acquire(join(backup, '.lock'));
    expect(await run('backup', backup, server.folder)).toEqual([
      1,
      expect.stringMatching(/^Another backup is being written to \S+: process \d+ on [^\n]+\n$/),
    ]);
    other.release();
    await succeed('backup', backup, server.folder);
  }, 180_000);
});

describe('A restore', () => {
  it('and a backup that are stopped by a signal leave no lock behind', async () => {
    const server = stopped(await ServerProcess.start());
    for (let index = 0; index < 8; index += 1) await upload(server, `1.${index}.0`, {}, binary(5 * MIB));
    const backup = newFolder();
    const expectStopped = async (program: Program, lock: string, signal: 'SIGINT' | 'SIGTERM') => {
      await eventually('the lock is taken', () => existsSync(`${lock}.json`));
      program.child.kill(signal);
      expect(await program.exit()).toBe(signal);
      expect([existsSync(lock), existsSync(`${lock}.json`)]).toEqual([false, false]);
    };
    await expectStopped(start('backup', backup, server.folder), join(backup, '.lock'), 'SIGTERM');
    await succeed('backup', backup, server.folder);
    const elsewhere = newFolder();
    const lock = join(elsewhere, 'paperminder.db-lock');
    await expectStopped(start('restore', backup, elsewhere), lock, 'SIGINT');
    await succeed('restore', backup, elsewhere);
  }, 180_000);

  it('is refused while a server runs there, over data that is there, and from a backup that is not whole', async () => {
    const server = stopped(await TestServer.start());
    const { sha256_checksum: sha256 } = await upload(server, '1.5.0');
    const backup = newFolder();
    expect(await run('restore', backup, newFolder())).toEqual([
      1,
      expect.stringMatching(/^There is no finished backup in \S+: manifest\.json is missing[^\n]*\n$/),
    ]);
    await succeed('backup', backup, server.folder);
    const refused = async (folder: string, line: RegExp): Promise<void> =>
      expect(await run('restore', backup, folder)).toEqual([1, expect.stringMatching(line)]);
    await refused(server.folder, /^The database \S+ is in use: process \d+ on [^\n]+\n$/);
    await server.halt();
    await refused(server.folder, /^Nothing is overwritten, and \S+\/paperminder\.db exists: [^\n]+\n$/);
    const secret = readFileSync(join(server.folder, 'download-secret'));
    writeFileSync(join(server.folder, 'download-secret'), 'another');
    const others = ['e', 'f'].map((digit) => join(server.folder, 'uploads', digit.repeat(64)));
    for (const other of others) writeFileSync(other, 'of another server');
    expect(await run('restore', backup, server.folder)).toEqual([
      1,
      [
        'Nothing is overwritten, and these files exist: move them away, or restore elsewhere',
        join(server.folder, 'paperminder.db'),
        join(server.folder, 'download-secret'),
        ...others,
        '',
      ]
        .join('\n  ')
        .trimEnd() + '\n',
    ]);
    for (const other of others) rmSync(other);
    writeFileSync(join(server.folder, 'download-secret'), secret);
    rmSync(join(server.folder, 'paperminder.db'));
    writeFileSync(join(server.folder, 'download-secret'), 'another');
    await refused(server.folder, /^Nothing is overwritten, and \S+\/download-secret exists: [^\n]+\n$/);
    rmSync(join(server.folder, 'download-secret'));
    const foreign = join(server.folder, 'uploads', 'f'.repeat(64));
    writeFileSync(foreign, 'of another server');
    await refused(server.folder, /^Nothing is overwritten, and \S+\/uploads\/f{64} exists: [^\n]+\n$/);
    rmSync(foreign);
    expect(existsSync(join(server.folder, 'paperminder.db'))).toBe(false);
    // What is left is what an interrupted restore leaves.
    await succeed('restore', backup, server.folder);

    for (const [damage, line] of [
      [
        () => writeFileSync(join(backup, 'uploads', sha256), 'other bytes'),
        /is damaged: uploads\/\S+ does not/,
      ],
      [() => rmSync(join(backup, 'uploads', sha256)), /is not whole: uploads\/\S+ is missing/],
      [
        () => writeFileSync(join(backup, secretIn(backup)), 'another'),
        /^(?=[^]*uploads\/\S+ is missing)(?=[^]*download-secret\S+ does not)[^\n]+\n[^\n]+\n$/,
      ],
      [() => writeFileSync(join(backup, 'manifest.json'), '{"format":2}'), /is not the manifest of a backup/],
    ] as const) {
      damage();
      const elsewhere = newFolder();
      await refused(elsewhere, line);
      expect(readdirSync(elsewhere)).toEqual([]);
    }
  }, 180_000);

  it('reads no path of a manifest that leads out of the backup', async () => {
    const server = stopped(await TestServer.start());
    const backup = newFolder();
    await succeed('backup', backup, server.folder);
    const manifest = manifestIn(backup);
    manifest.files.find(({ role }) => role === 'download_secret')!.path = '../secret';
    writeFileSync(join(backup, 'manifest.json'), JSON.stringify(manifest));
    expect((await run('restore', backup, newFolder()))[1]).toContain('is not the manifest of a backup');
  }, 180_000);
});
