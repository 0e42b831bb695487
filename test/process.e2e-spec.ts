import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import type { AuditListResponse } from '../src/audit/audit.dto.js';
import { eventually } from './support/eventually.js';
import { writeMigratedDatabase } from './support/migrated-database.js';
import { Program, build, freePort } from './support/program.js';
import { TestServer } from './support/server.js';

// Most tests start several programs.
jest.setTimeout(120_000);

describe('As a process', () => {
  let folder: string;
  let port: string;
  const programs: Program[] = [];

  beforeAll(async () => {
    await build();
    folder = await mkdtemp(join(tmpdir(), 'paperminder-'));
    port = await freePort();
  }, 120_000);
  afterEach(() => {
    for (const one of programs.splice(0)) one.child.kill('SIGKILL');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function start(script: string, args: string[] = [], settings: Record<string, string> = {}): Program {
    const program = Program.start(script, args, settings, folder);
    programs.push(program);
    return program;
  }

  async function startServer(settings: Record<string, string> = {}): Promise<Program> {
    const server = start('main.js', [], { PORT: port, ...settings });
    await server.listening();
    return server;
  }

  /** What is wrong stands in the last line, and nothing but warnings before it: no stack, nothing twice. */
  function expectOneLine({ output }: Program, line: RegExp): void {
    const lines = output.trim().split('\n');
    expect(lines.at(-1)).toMatch(line);
    expect(lines.slice(0, -1).filter((one) => !/"level":"warn"|^\[Cron\]/.test(one))).toEqual([]);
  }

  it('the server keeps its data in the folder that it was started in, logs JSON, and stops when it is told to', async () => {
    const server = await startServer();
    expect((await fetch(`http://localhost:${port}/health/ready`)).status).toBe(200);
    server.child.kill('SIGTERM');
    expect(await server.exit()).toBe('SIGTERM');
    const lines = server.output.trim().split('\n');
    const logged = lines.map((line) => JSON.parse(line) as { level: string; message: string });
    // Nobody has claimed it, and it listens beyond this machine: it says so in three lines.
    const warnings = logged.filter(({ level }) => level === 'warn').map(({ message }) => message);
    expect(warnings).toEqual([
      expect.stringContaining('This server has not been claimed'),
      expect.stringContaining('npm run keys -- create --admin NAME'),
      expect.stringContaining(`POST /api/keys/claim`),
    ]);
    // The token is for a terminal alone, not for a log that others read.
    const token = readFileSync(join(folder, 'claim-token'), 'utf8').trim();
    expect(server.output).not.toContain(token);
    for (const { level, message } of logged)
      expect([level, message]).toEqual([expect.stringMatching(/^(?:log|warn)$/), expect.any(String)]);
    expect(lines.length).toBeLessThan(12);
    expect(logged.map(({ message }) => message)).toContain('Stopping: received SIGTERM');
  });

  it('a key is made on the command line while the server runs, and closes it at once', async () => {
    const settings = { DATABASE_URL: 'sqlite:///./keys.db' };
    const keys = (...args: string[]): Program => start('access/cli.js', args, settings);
    const server = await startServer({ ...settings, HOST: '127.0.0.1' });
    const url = `http://localhost:${port}/api/printers`;
    expect((await fetch(url)).status).toBe(200);
    const made = keys('create', '--admin', 'Ada');
    expect(await made.exit()).toBe(0);
    const key = /^pmk_\S{43}$/m.exec(made.output)?.[0] ?? '';
    expect((await fetch(url)).status).toBe(401);
    expect(existsSync(join(folder, 'claim-token'))).toBe(false);
    expect((await fetch(url, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
    const listed = keys('list');
    expect(await listed.exit()).toBe(0);
    expect(listed.output).toMatch(
      /^ID +KEY +NAME +SCOPES +STATE +LAST USED\n1 +pmk_\S+ +Ada +admin +valid +20\S+Z\n$/m,
    );
    const [heading = '', row = ''] = listed.output.split('\n').slice(-3);
    for (const [name, value] of [
      ['KEY', 'pmk_'],
      ['NAME', 'Ada'],
      ['SCOPES', 'admin'],
      ['STATE', 'valid'],
      ['LAST USED', '20'],
    ] as const)
      expect([name, row.slice(heading.indexOf(name)).startsWith(value)]).toEqual([name, true]);
    expect(listed.output).not.toContain(key);
    const again = keys('create', '--admin', 'Grace');
    expect(await again.exit()).toBe(0);
    const grace = /^pmk_\S{43}$/m.exec(again.output)?.[0] ?? '';
    const revoked = keys('revoke', '1');
    expect(await revoked.exit()).toBe(0);
    expect((await fetch(url, { headers: { authorization: `Bearer ${key}` } })).status).toBe(401);
    const audit = await fetch(`http://localhost:${port}/api/audit`, {
      headers: { authorization: `Bearer ${grace}` },
    });
    const { entries } = (await audit.json()) as AuditListResponse;
    expect(entries.map(({ action, subject, actor }) => [action, subject, actor.kind])).toEqual([
      ['key.revoke', 'key/1', 'command_line'],
      ['key.create', 'key/2', 'command_line'],
      ['key.create', 'key/1', 'command_line'],
    ]);
    const wrong = [
      ['create', '--scopes', 'root', 'x'],
      ['create', '--expires', '2001-01-01T00:00:00Z', 'x'],
      ['revoke', '99'],
    ];
    const codes = await Promise.all(wrong.map(async (args) => [args, await keys(...args).exit()]));
    expect(codes).toEqual(wrong.map((args) => [args, 1]));
    server.child.kill('SIGTERM');
    await server.exit();
  }, 120_000);

  it('a key is made for a database that exists, which is named, and for no other', async () => {
    const refused = start('access/cli.js', ['create', 'Ada'], {
      DATABASE_URL: 'sqlite:///./typing-error.db',
    });
    expect(await refused.exit()).toBe(1);
    expect(refused.output).toBe(
      `There is no database at ${join(folder, 'typing-error.db')} (DATABASE_URL). ` +
        'Run this in the folder that the server was started in, or set DATABASE_URL\n',
    );
    expect(existsSync(join(folder, 'typing-error.db'))).toBe(false);

    const settings = { DATABASE_URL: 'sqlite:///./named.db' };
    await writeMigratedDatabase(join(folder, 'named.db'));
    const list = async (): Promise<string> => {
      const keys = start('access/cli.js', ['list'], settings);
      await keys.exit();
      return keys.output;
    };
    expect(await list()).toBe(`Database: ${join(folder, 'named.db')}\nThere are no keys\n`);
    for (const [sql, says] of [
      [
        "DELETE FROM migrations WHERE name LIKE 'Initial%'",
        'older version of the server (it lacks migration Initial',
      ],
      ["INSERT INTO migrations (timestamp, name) VALUES (1999, 'Future1999')", 'it has migration Future1999'],
    ] as const) {
      const database = new SqliteDatabase(join(folder, 'named.db'));
      database.exec(sql);
      database.close();
      expect(await list()).toContain(says);
    }
  });

  it.each([
    ['is under way', false],
    ['has arrived, although a busy server has not read it yet', true],
  ])('a stop lets a request end that %s, and takes no new one', async (_which, busy) => {
    const server = await startServer({ HOST: '127.0.0.1', DATABASE_URL: 'sqlite:///./stop.db' });
    const body =
      `--b\r\nContent-Disposition: form-data; name="version"\r\n\r\n${busy ? '1.6.0' : '1.5.0'}\r\n` +
      '--b\r\nContent-Disposition: form-data; name="file"; filename="x.bin"\r\n\r\n' +
      `${'x'.repeat(50_000)}\r\n--b--\r\n`;
    const head =
      'POST /api/firmware/upload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n' +
      `Content-Type: multipart/form-data; boundary=b\r\nContent-Length: ${body.length}\r\n`;
    const kept = connect(Number(port), '127.0.0.1');
    kept.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n');
    let last = '';
    kept.on('data', (chunk: Buffer) => (last += chunk.toString()));
    await once(kept, 'connect');
    // A stopped process is as busy as can be: the system accepts the connection, and keeps what is sent.
    if (busy) server.child.kill('SIGSTOP');
    const socket = connect(Number(port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    await once(socket, 'connect');
    if (busy) socket.write(`${head}\r\n`);
    else {
      socket.write(`${head}Expect: 100-continue\r\n\r\n`);
      await eventually('the server reads the request', () => answer.startsWith('HTTP/1.1 100 '));
      answer = '';
    }
    await new Promise((sent) => socket.write(body.slice(0, 20_000), sent));
    server.child.kill('SIGTERM');
    server.child.kill('SIGCONT');
    await eventually('nobody new is let in', () =>
      fetch(`http://127.0.0.1:${port}/health/live`).then(
        () => false,
        () => true,
      ),
    );
    expect(server.end).toBeUndefined();
    kept.write('\r\n');
    await eventually('the last answer of a connection that others could be sent on', () =>
      last.includes('{'),
    );
    expect(last).toMatch(/^HTTP\/1\.1 200 .*^Connection: close\r$/ms);
    socket.write(body.slice(20_000));
    await eventually('the answer', () => answer.includes('\r\n\r\n') || server.end);
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    expect(await server.exit()).toBe('SIGTERM');
  });

  it('the server keeps what it has acknowledged when it is killed', async () => {
    const server = await startServer();
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(1_000)]), 'firmware.bin');
    form.set('version', '1.5.0');
    const answer = await fetch(`http://localhost:${port}/api/firmware/upload`, {
      method: 'POST',
      body: form,
    });
    expect(answer.status).toBe(201);
    server.child.kill('SIGKILL');
    await server.exit();
    await startServer();
    const again = await fetch(`http://localhost:${port}/api/firmware/download/1.5.0`);
    expect([again.status, (await again.arrayBuffer()).byteLength]).toEqual([200, 1_000]);
  });

  it('a setting that cannot be used stops the server with one clear line', async () => {
    const server = start('main.js', [], { PORT: 'http' });
    expect(await server.exit()).toBe(1);
    expect(server.output).toBe('PORT=http: must be a whole number from 0 to 65535\n');
  });

  it.each([
    [
      'DATABASE_URL',
      'sqlite:///./none/paperminder.db',
      /^The folder of the database does not exist: \S+\/none /,
    ],
    [
      'DATABASE_URL',
      'sqlite:///./folder',
      /^The database \S+\/folder cannot be opened: unable to open database/,
    ],
    [
      'DATABASE_URL',
      'sqlite:////proc/none.db',
      /^The database \/proc\/none\.db cannot be used: .*unable to open/,
    ],
    [
      'DATABASE_URL',
      'sqlite:///./text.txt',
      /^The database \S+\/text\.txt cannot be opened: file is not a data/,
    ],
    ['UPLOADS_DIR', './none/uploads', /^The folder of the uploads folder does not exist: \S+\/none /],
    ['UPLOADS_DIR', '/dev/null', /^The uploads folder \/dev\/null cannot be used: .*ENOTDIR/],
    ['UPLOADS_DIR', '/proc/uploads', /^The uploads folder \/proc\/uploads cannot be used: .*ENOENT/],
    ['HOST', '192.0.2.1', /^The server cannot start: listen EADDRNOTAVAIL: .*192\.0\.2\.1/],
  ])('%s=%s stops the server with one clear line', async (name, value, line) => {
    const own = await mkdtemp(join(folder, 'start-'));
    await mkdir(join(own, 'folder'));
    await writeFile(join(own, 'text.txt'), 'This is a text and no database.\n'.repeat(100));
    const server = Program.start('main.js', [], { PORT: port, [name]: value }, own);
    programs.push(server);
    expect(await server.exit()).toBe(1);
    expectOneLine(server, line);
    expect(readdirSync(own).filter((one) => one.includes('-lock'))).toEqual([]);
  });

  it('a file of settings that cannot be read stops the server with one clear line', async () => {
    const without = await mkdtemp(join(folder, 'env-'));
    await mkdir(join(without, '.env'));
    const server = Program.start('main.js', [], { PORT: port }, without);
    programs.push(server);
    expect(await server.exit()).toBe(1);
    expectOneLine(server, /^\S+\/\.env cannot be read: EISDIR/);
  });

  it.each([
    ['no server answers', {}, /^\d+ s \| online 0\/3, 3 no server answers at http:\/\/localhost:\d+ \|/m],
    ['an operator decides', { REGISTRATION: 'approve' }, /^\d+ s \| online 0\/3, 3 waiting for approval \|/m],
    ['nobody is let in', { REGISTRATION: 'closed' }, /^\d+ s \| online 0\/3, 3 registration is closed \|/m],
    [
      'keys are required',
      { REQUIRE_PRINTER_KEY: 'true' },
      /^\d+ s \| online 0\/3, 3 wrong or missing api_key \|/m,
    ],
  ])('the simulator says why no printer is online: %s', async (_why, settings, line) => {
    const server = Object.keys(settings).length > 0 ? await TestServer.start(settings) : null;
    const url = server?.url ?? `http://localhost:${port}`;
    const simulator = start('simulator/cli.js', ['--server', url, '--printers', '3', '--duration', '1']);
    try {
      expect(await simulator.exit()).toBe(0);
    } finally {
      await server?.stop();
    }
    expect(simulator.output).toMatch(line);
  });

  it.each([
    [['--printers', 'many'], '--printers'],
    [['--fail', '1.5'], '--fail'],
    [['--server', 'localhost'], '--server'],
    [['--speed', '9'], '--speed'],
    [['--public-key', 'none.pem'], '--public-key'],
  ])('the simulator refuses %j', async (args, named) => {
    const simulator = start('simulator/cli.js', args);
    expect(await simulator.exit()).toBe(1);
    expect(simulator.output).toContain(named);
  });

  describe('beside one server', () => {
    let server: Program;

    beforeAll(async () => {
      server = await startServer({ LOG_FORMAT: 'text', AUTH: 'none', DATABASE_URL: 'sqlite:///./shared.db' });
      // It is not for `afterEach` to end.
      programs.length = 0;
    }, 60_000);
    afterAll(async () => {
      server.child.kill('SIGKILL');
      await server.exit();
    });

    it('the server logs text for a person if it is told to, and warns of AUTH=none at every start', () => {
      expect(server.output).toMatch(/\[Server\].*Listening on 0\.0\.0\.0:/);
      expect(server.output).toContain('AUTH=none: anyone who can reach this port');
    });

    it('a port that is taken stops the server with one clear line, and its database is left whole', async () => {
      const settings = { DATABASE_URL: 'sqlite:///./second.db', UPLOADS_DIR: './second-uploads' };
      const second = start('main.js', [], { PORT: port, ...settings });
      expect(await second.exit()).toBe(1);
      expectOneLine(
        second,
        new RegExp(`^The server cannot start: port ${port} is in use by another program$`),
      );
      const names = readdirSync(folder).filter((name) => name.startsWith('second'));
      expect(names.sort()).toEqual(['second-uploads', 'second.db']);
    });

    it('the simulator connects its printers, shows a line, and ends by itself', async () => {
      const simulator = start('simulator/cli.js', [
        ...['--server', `http://localhost:${port}`, '--printers', '20', '--duration', '3'],
      ]);
      await eventually('20 printers', async () => {
        const response = await fetch(`http://localhost:${port}/api/printers?online=true`);
        return ((await response.json()) as { total: number }).total === 20;
      });
      expect(await simulator.exit()).toBe(0);
      expect(simulator.output).toMatch(
        /^\d+ s \| online 20\/20 \| updates received 0 \| 1\.\d\.0: \d+, 1\.\d\.0: \d+\n$/,
      );
    });

    // It rolls firmware out to all, so it comes after those who expect no update.
    it('firmware is signed on the command line, without a server, and a board installs it', async () => {
      const run = async (script: string, ...args: string[]): Promise<[unknown, string]> => {
        const program = start(script, args);
        const code = await program.exit();
        return [code, program.output];
      };
      const sign = (...args: string[]): Promise<[unknown, string]> => run('signing/cli.js', ...args);
      await writeFile(join(folder, 'firmware.bin'), randomBytes(5_000));
      await writeFile(join(folder, 'other.bin'), randomBytes(5_000));
      const [made, told] = await sign('keygen', '--out', 'release');
      expect([made, told]).toEqual([
        0,
        expect.stringMatching(/^release\.private\.pem\nrelease\.public\.pem\nfingerprint [0-9a-f]{64}\n$/),
      ]);
      const fingerprint = told.trim().slice(-64);
      const [privateKey, publicKey] = ['release.private.pem', 'release.public.pem'];
      expect(statSync(join(folder, privateKey)).mode & 0o777).toBe(0o600);
      const before = readFileSync(join(folder, privateKey), 'utf8');
      // A key that boards trust must not be written over.
      expect(await sign('keygen', '--out', 'release')).toEqual([1, `${privateKey} is there already\n`]);
      expect(readFileSync(join(folder, privateKey), 'utf8')).toBe(before);

      const [signed, line] = await sign('file', 'firmware.bin', '--key', privateKey);
      expect([signed, line]).toEqual([0, expect.stringMatching(/^[A-Za-z0-9+/]{86}==\n$/)]);
      const signature = line.trim();
      const check = (file: string, key: string, text = signature): Promise<[unknown, string]> =>
        sign('verify', file, '--key', key, '--signature', text);
      expect(await check('firmware.bin', publicKey)).toEqual([0, `Signed by ${fingerprint}\n`]);
      expect(await check('other.bin', publicKey)).toEqual([
        1,
        'The signature is not that of other.bin by this key\n',
      ]);
      for (const [args, says] of [
        [['verify', 'firmware.bin', '--key', publicKey, '--signature', 'x'], 'base64 of 64 bytes'],
        [['verify', 'firmware.bin', '--key', privateKey, '--signature', signature], 'must be the public key'],
        [['file', 'firmware.bin', '--key', publicKey], 'Ed25519 private key'],
        [['file', 'firmware.bin', '--key', 'none.pem'], 'ENOENT'],
        [['file', 'none.bin', '--key', privateKey], 'ENOENT'],
        [['file', 'firmware.bin'], '--key'],
      ] as const) {
        const [code, output] = await sign(...args);
        expect([args, code, output]).toEqual([args, 1, expect.stringContaining(says)]);
        expect(output).not.toContain(before.split('\n')[1]);
      }

      const url = `http://127.0.0.1:${port}/api`;
      const post = (path: string, body: object): Promise<Response> =>
        fetch(url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
      const key = readFileSync(join(folder, publicKey), 'utf8');
      const registered = await post('/signing-keys', { name: 'release', public_key: key });
      expect(await registered.json()).toMatchObject({ fingerprint, public_key: key });
      const form = new FormData();
      form.set('file', new Blob([readFileSync(join(folder, 'firmware.bin'))]), 'firmware.bin');
      form.set('version', '1.5.0');
      form.set('signature', signature);
      const uploaded = await fetch(`${url}/firmware/upload`, { method: 'POST', body: form });
      expect(uploaded.status).toBe(201);
      const rollout = { firmware_version: '1.5.0', target: { all: true }, rollout_type: 'immediate' };
      expect((await post('/rollouts', rollout)).status).toBe(201);
      await sign('keygen', '--out', 'stranger');
      for (const [of, status] of [
        ['release', 'completed'],
        ['stranger', 'failed'],
      ] as const) {
        const boards = ['--server', `http://127.0.0.1:${port}`, '--printers', '5', '--reboot-ms', '50'];
        start('simulator/cli.js', [...boards, '--seed', of, '--public-key', `${of}.public.pem`]);
        await eventually(
          `boards with the key ${of} report their update as ${status}`,
          async () => (await fetch(`${url}/rollouts/1`)).json() as Promise<Record<string, number>>,
          (seen) => seen[`${status}_count`] === 5,
          60_000,
        );
      }
    }, 180_000);
  });
});
