import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import { binary, connected, expectStatus, roll, upload, uploadForm } from '../support/factories.js';
import type { ProblemBody } from '../support/factories.js';
import { eventually } from '../support/eventually.js';
import { LogLines } from '../support/log-lines.js';
import { Program, freePort } from '../support/program.js';
import { TestServer } from '../support/server.js';
import { ServerProcess } from '../support/server-process.js';
import { stopAfterEach } from '../support/stop-after-each.js';

const stopped = stopAfterEach();

describe('A second server', () => {
  async function refused(server: ServerProcess, settings: Record<string, string>): Promise<string> {
    const second = Program.start('main.js', [], { PORT: '0', HOST: '127.0.0.1', ...settings }, server.folder);
    try {
      expect(await second.exit()).toBe(1);
    } finally {
      second.child.kill('SIGKILL');
    }
    expect(second.output.trim().split('\n')).toHaveLength(1);
    return second.output;
  }

  it('on the same database refuses to start and names the first, until that one has ended, be it by kill -9', async () => {
    const server = stopped(await ServerProcess.start());
    await upload(server, '1.5.0');
    const port = new URL(server.url).port;
    const database = join(server.folder, 'paperminder.db');
    const elsewhere = { UPLOADS_DIR: join(server.folder, 'elsewhere') };
    const line = await refused(server, { DATABASE_URL: `sqlite:///${database}`, ...elsewhere });
    expect(line).toMatch(
      new RegExp(
        `^The database ${database} is in use: process \\d+ on \\S+, port ${port}, since \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z\n$`,
      ),
    );
    // The one that was refused has taken nothing from the first.
    expect(await refused(server, { DATABASE_URL: `sqlite:///${database}`, ...elsewhere })).toBe(line);
    const link = join(server.folder, 'link.db');
    await symlink(database, link);
    expect(await refused(server, { DATABASE_URL: `sqlite:///${link}`, ...elsewhere })).toBe(
      line.replace(database, link),
    );
    await rm(link);
    expect((await server.request('GET', '/health/ready')).status).toBe(200);

    await server.end('SIGKILL');
    expect(existsSync(`${database}-lock.json`)).toBe(true);
    await server.boot();
    expect((await server.request('GET', '/api/firmware/1.5.0')).status).toBe(200);
    await server.end('SIGTERM');
    expect((await readdir(server.folder)).sort()).toEqual([
      'claim-token',
      'download-secret',
      'paperminder.db',
      'uploads',
    ]);
  }, 180_000);

  it('with the same uploads folder refuses to start, for it would sweep away what is not its own', async () => {
    const server = stopped(await ServerProcess.start());
    const uploads = join(server.folder, 'uploads');
    const line = await refused(server, { DATABASE_URL: 'sqlite:///./second.db', UPLOADS_DIR: uploads });
    expect(line).toMatch(new RegExp(`^The uploads folder ${uploads} is in use: process \\d+ on `));
    expect((await readdir(server.folder)).filter((name) => name.startsWith('second'))).toEqual([]);
  }, 180_000);
});

describe('A server whose lock files are removed', () => {
  it('writes nothing any more, says so, and leaves the lock of the next server alone', async () => {
    const first = stopped(await ServerProcess.start());
    const folder = first.folder;
    const locks = [join(folder, 'paperminder.db-lock'), join(folder, 'uploads', '.lock')];
    for (const lock of locks) for (const file of [lock, `${lock}.json`]) await rm(file);
    const ready = await first.request<ProblemBody>('GET', '/health/ready');
    expect([ready.status, ready.body.detail]).toEqual([
      503,
      `database: The database's lock file is gone while the server is running: ${locks[0]}; ` +
        `uploads: The uploads folder's lock file is gone while the server is running: ${locks[1]}`,
    ]);
    const upload = await first.request('POST', '/api/firmware/upload', uploadForm({ version: '1.5.0' }));
    expect(upload.status).toBe(503);

    const settings = { DATABASE_URL: `sqlite:///${join(folder, 'paperminder.db')}`, HOST: '127.0.0.1' };
    const start = async (): Promise<Program> =>
      Program.start('main.js', [], { ...settings, PORT: await freePort() }, folder);
    const second = await start();
    stopped({ stop: async () => void second.child.kill('SIGKILL') });
    await second.listening();
    expect(await first.request('GET', '/health/ready')).toMatchObject({ status: 503 });
    await first.end('SIGTERM');
    expect(locks.filter((lock) => !existsSync(lock) || !existsSync(`${lock}.json`))).toEqual([]);
    const third = await start();
    expect(await third.exit()).toBe(1);
    expect(third.output).toContain(`is in use: process ${second.child.pid} on `);
  }, 180_000);
});

describe('A database of a newer version', () => {
  it('is refused, and left as it is', async () => {
    const server = stopped(await TestServer.start());
    const path = join(server.folder, 'paperminder.db');
    const future = 'INSERT INTO migrations (timestamp, name) VALUES (1999000000000, ?)';
    await expect(
      server.restart(() => {
        const database = new SqliteDatabase(path);
        database.prepare(future).run('Future1999000000000');
        database.close();
      }),
    ).rejects.toThrow(
      /^The database \S+ was written by a newer version of the server: it has migration Future1999000000000, and this version knows none after \w+\. Install the newer version again$/,
    );
    expect((await readdir(server.folder)).sort()).not.toContain('paperminder.db-wal');
  });
});

describe('Data that disappears under a running server', () => {
  const DATABASE_PARTS = ['paperminder.db', 'paperminder.db-wal', 'paperminder.db-shm'];

  async function expectRefused(server: TestServer, what: string): Promise<void> {
    for (const [path, body] of [
      ['/api/firmware/upload', uploadForm({ version: '1.6.0' }, binary(300_000))],
      ['/api/rollouts', { firmware_version: '1.5.0', target: { all: true }, rollout_type: 'immediate' }],
    ] as const) {
      const answer = await server.request<ProblemBody>('POST', path, body);
      expect([path, answer.status, answer.headers.get('retry-after'), answer.body.detail]).toEqual([
        path,
        503,
        '5',
        expect.stringContaining(what),
      ]);
    }
    const { status, body } = await server.request<ProblemBody>('GET', '/health/ready');
    expect([status, body.detail]).toEqual([503, expect.stringContaining(what)]);
    expect((await server.request('GET', '/health/live')).status).toBe(200);
  }

  it.each([
    ['The database is gone', ['paperminder.db']],
    ["The database's write-ahead log is gone", ['paperminder.db-wal']],
    ['The uploads folder is gone', ['uploads']],
  ])(
    '(%s) makes writes 503, is said by the health check and once by the log, and is over when it is back',
    async (what, names) => {
      const log = new LogLines();
      const server = stopped(await TestServer.start({}, log));
      await upload(server, '1.5.0');
      const one = stopped(await connected(server, { version: '1.5.0' }));
      const away = join(server.folder, 'away');
      await mkdir(away);
      for (const name of names) await rename(join(server.folder, name), join(away, name));
      await expectRefused(server, what);
      await one.close();
      await eventually('a printer is told to wait', () =>
        one.received.some(({ code }) => code === 'server_error'),
      );
      await expectRefused(server, what);
      const said = log.lines.filter(
        ({ context, message }) => context === 'Database' && message.includes(what),
      );
      expect(said).toHaveLength(1);
      expect(log.of('PrinterGateway')).toEqual([]);

      for (const name of names) await rename(join(away, name), join(server.folder, name));
      await eventually(
        'the server is ready again',
        async () => (await server.request('GET', '/health/ready')).status,
        (status) => status === 200,
      );
      await upload(server, '1.6.0');
      await roll(server, '1.6.0');
      await eventually('the printer is updated', () => one.version === '1.6.0');
      expect(log.of('Database')).toContain('The database and the uploads folder are back');
    },
  );

  it('is not mistaken for what has been put in its place', async () => {
    const server = stopped(await TestServer.start());
    await upload(server, '1.5.0');
    for (const name of DATABASE_PARTS) await rm(join(server.folder, name));
    const other = new SqliteDatabase(join(server.folder, 'paperminder.db'));
    other.pragma('journal_mode = WAL');
    other.exec('CREATE TABLE other (id INTEGER)');
    await expectRefused(server, 'The database was replaced');
    other.close();

    const second = stopped(await TestServer.start());
    await upload(second, '1.5.0');
    await rename(second.uploads, join(second.folder, 'moved'));
    await mkdir(second.uploads);
    await expectRefused(second, 'The uploads folder was replaced');
    expect(await readdir(second.uploads)).toEqual([]);
  });

  it('and takes an upload with it that is on its way: nothing is acknowledged that is not there', async () => {
    const server = stopped(await TestServer.start());
    const answers = Array.from({ length: 30 }, (_, index) =>
      server.request(
        'POST',
        '/api/firmware/upload',
        uploadForm({ version: `1.${index}.0` }, binary(200_000)),
      ),
    );
    await Promise.race(answers);
    const moved = join(server.folder, 'moved');
    await rename(server.uploads, moved);
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.filter((status) => status !== 201 && status !== 503)).toEqual([]);
    const acknowledged = statuses.filter((status) => status === 201).length;
    await rename(moved, server.uploads);
    const { body } = await server.request<Array<{ version: string }>>('GET', '/api/firmware');
    expect(body).toHaveLength(acknowledged);
    for (const { version } of body)
      expect((await fetch(`${server.url}/api/firmware/download/${version}`)).status).toBe(200);
  });

  it('but for the folder of what is arriving, which is made again', async () => {
    const server = stopped(await TestServer.start());
    await rm(join(server.uploads, 'incoming'), { recursive: true });
    expectStatus(await server.request('POST', '/api/firmware/upload', uploadForm({ version: '1.5.0' })), 201);
  });
});
