import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { uuidFrom } from '../../src/simulator/identity.js';
import { eventually } from '../support/eventually.js';
import { binary, upload, uploadForm } from '../support/factories.js';
import { Program, build } from '../support/program.js';
import { subscribeMessage } from '../support/raw-socket.js';
import { ServerProcess } from '../support/server-process.js';
import { audit } from './audit.js';
import { Operator } from './operator.js';
import { Random } from './random.js';
import { RecordingPrinter } from './recording-printer.js';

const MIB = 1024 * 1024;
const FLEET = 500;
// A board gives a handshake up after that (printer protocol, "How the boards behave").
const HANDSHAKE_MS = 5_000;
// Supervisors kill after that.
const STOP_MS = 10_000;
// Only with a process namespace of its own is a program process 1, as in a container.
const AS_PROCESS_1 = ['unshare', '--map-root-user', '--pid', '--fork'];
const canBeProcess1 = spawnSync(AS_PROCESS_1[0]!, [...AS_PROCESS_1.slice(1), 'true']).status === 0;

describe('A stop', () => {
  let server: ServerProcess;
  const sockets: Array<Socket | WebSocket> = [];

  afterEach(async () => {
    for (const socket of sockets.splice(0)) {
      if (socket instanceof WebSocket) socket.terminate();
      else socket.destroy();
    }
    await server.stop();
  });

  /** A connection that has sent a request, and of whose answer nothing is read unless somebody does. */
  function ask(request: string): Socket {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(request);
    sockets.push(socket);
    return socket;
  }

  function board(index: number): WebSocket {
    const url = `${server.url.replace('http', 'ws')}/ws/${uuidFrom('stop', 'user', index)}`;
    const socket = new WebSocket(url, ['arduino'], { origin: 'file://', perMessageDeflate: false });
    // Not `handshakeTimeout`: in a busy process it goes off although the answer is there, and merely unread. Node reads what has
    // arrived before it runs what `setImmediate` was given.
    const timer = setTimeout(() => setImmediate(() => giveUp(socket)), HANDSHAKE_MS);
    socket.on('open', () => clearTimeout(timer));
    socket.on('close', () => clearTimeout(timer));
    socket.on('error', () => undefined);
    const subscribe = subscribeMessage({ printer_id: uuidFrom('stop', 'printer', index) });
    socket.on('open', () => socket.send(JSON.stringify(subscribe)));
    sockets.push(socket);
    return socket;
  }

  function accepted(socket: WebSocket): Promise<boolean> {
    return new Promise((resolve) => {
      socket.on('message', (data) => {
        if ((data as Buffer).toString().includes('subscription_accepted')) resolve(true);
      });
      socket.on('close', () => resolve(false));
    });
  }

  it('ends within ten seconds, whoever is slow or idle, and closes sockets with 1012', async () => {
    server = await ServerProcess.start();
    await upload(server, '1.5.0', {}, binary(5 * MIB));
    const host = 'HTTP/1.1\r\nHost: localhost\r\n';
    // Connections that stay open between requests, one that sends its headers slowly, and readers that read nothing.
    const idle = Array.from({ length: 5 }, () => ask(`GET /health/live ${host}\r\n`));
    const answered = idle.map((socket) => once(socket, 'data'));
    ask(`GET /health/live ${host}X-Slow: `);
    const slow = Array.from({ length: 5 }, () => ask(`GET /api/firmware/download/1.5.0 ${host}\r\n`));
    answered.push(...slow.map((socket) => once(socket, 'readable')));
    const closed: number[] = [];
    const fleet = Array.from({ length: 20 }, (_, index) => board(index));
    await Promise.all(fleet.map(accepted));
    const [deaf, ...others] = fleet;
    deaf!.pause();
    for (const socket of others) socket.on('close', (code) => closed.push(code));
    await Promise.all(answered);

    const stopping = server.end('SIGTERM');
    await eventually('nobody new is let in', () =>
      fetch(`${server.url}/health/live`).then(
        () => false,
        () => true,
      ),
    );
    const { end, milliseconds } = await stopping;
    expect(end).toBe('SIGTERM');
    expect(milliseconds).toBeLessThan(STOP_MS);
    await eventually('every socket is closed', () => closed.length === others.length);
    expect(new Set(closed)).toEqual(new Set([1012]));
    expect(server.log).not.toContain('"level":"error"');
  }, 180_000);

  it('in the middle of writes keeps every one that it has answered', async () => {
    server = await ServerProcess.start();
    const uploads = Array.from({ length: 30 }, async (_, index) => {
      const version = `1.${index}.0`;
      const answer = await server
        .request('POST', '/api/firmware/upload', uploadForm({ version }, binary(100_000)))
        .catch(() => null);
      return answer?.status === 201 ? version : null;
    });
    await Promise.race(uploads);
    await server.end('SIGTERM');
    const kept = (await Promise.all(uploads)).filter((version) => version !== null);
    await server.boot();
    for (const version of kept) {
      const { status } = await fetch(`${server.url}/api/firmware/download/${version}`);
      expect([version, status]).toEqual([version, 200]);
    }
    expect(kept.length).toBeGreaterThan(0);
  }, 180_000);

  it('under load leaves the database file alone behind, and everything is in it', async () => {
    server = await ServerProcess.start();
    const uuids = Array.from({ length: 12 }, (_, index) => uuidFrom('alone', 'printer', index));
    const operator = new Operator(server, new Random(randomInt(2 ** 31)), uuids);
    const printers = uuids.map((uuid, index) => {
      const options = { name: `Printer ${index}`, version: '1.4.0', reconnectMs: 50, rebootMs: 50 };
      return new RecordingPrinter({ ...options, server: server.url, uuid, userId: uuid });
    });
    for (const printer of printers) printer.start();
    const working = operator.work();
    await eventually('some work is done', () => operator.rollouts.size > 2 && operator.uploads.size > 2);
    await server.end('SIGTERM');
    await Promise.all([working, ...printers.map((printer) => printer.stop())]);
    expect((await readdir(server.folder)).sort()).toEqual([
      'claim-token',
      'download-secret',
      'paperminder.db',
      'uploads',
    ]);
    expect(audit(server.folder, operator, printers)).toEqual([]);
    await server.boot();
    expect(await operator.compare()).toEqual([]);
  }, 180_000);

  it(`is followed by a start that lets ${FLEET} printers in at once, none of which waits too long`, async () => {
    server = await ServerProcess.start();
    const before = await Promise.all(Array.from({ length: FLEET }, (_, index) => accepted(board(index))));
    expect(before.filter((ok) => !ok)).toEqual([]);
    await server.end('SIGTERM');
    await server.boot();
    const fleet = Array.from({ length: FLEET }, (_, index) => board(index));
    const after = await Promise.all(fleet.map(accepted));
    expect(after.filter((ok) => !ok)).toEqual([]);
    const { body } = await server.request<{ total: number }>('GET', '/api/printers?online=true&limit=1');
    expect(body.total).toBe(FLEET);
  }, 180_000);
});

function giveUp(socket: WebSocket): void {
  if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
}

describe('A stop during the start', () => {
  let folder: string;
  let program: Program;

  beforeEach(async () => {
    await build();
    folder = mkdtempSync(join(tmpdir(), 'paperminder-stop-'));
  }, 120_000);
  afterEach(() => {
    program.child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  function launch(wrapper: string[] = []): Promise<unknown> {
    program = Program.start('main.js', [], { PORT: '0', HOST: '127.0.0.1' }, folder, wrapper);
    return eventually('it has locked its data', () => existsSync(join(folder, 'uploads', '.lock.json')));
  }

  function leftovers(): string[] {
    const names = [...readdirSync(folder), ...readdirSync(join(folder, 'uploads'))];
    return names.filter((name) => /lock|-wal|-shm/.test(name));
  }

  it.each([
    ['SIGTERM', 0],
    ['SIGINT', 300],
    ['SIGTERM', 700],
    ['SIGHUP', 1_100],
    ['SIGTERM', 1_500],
    ['SIGTERM', 2_000],
  ] as const)('(%s %i ms after it has locked its data) leaves no lock behind', async (signal, delay) => {
    await launch();
    await sleep(delay);
    program.child.kill(signal);
    expect(await program.exit()).toBe(signal);
    expect(leftovers()).toEqual([]);
    expect(program.output).not.toContain('"level":"error"');
  });

  (canBeProcess1 ? it : it.skip)('is obeyed by process 1 of a container', async () => {
    await launch(AS_PROCESS_1);
    const { pid } = program.child;
    const server = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
    process.kill(server, 'SIGTERM');
    try {
      expect(await program.exit()).toBe(0);
    } finally {
      if (program.end === undefined) process.kill(server, 'SIGKILL');
    }
    expect(leftovers()).toEqual([]);
  });
});
