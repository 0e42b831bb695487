import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DecisionResponse } from '../src/rollout/http/dto/printer-decision.dto.js';
import type { RolloutPreviewResponse } from '../src/rollout/http/dto/rollout-preview.dto.js';
import { eventually } from './support/eventually.js';
import {
  connected,
  counts,
  details,
  expectStatus,
  history,
  patch,
  roll,
  rollout,
  upload,
} from './support/factories.js';
import { Board } from './support/board.js';
import { HeldQueue } from './support/held-queue.js';
import { LogLines } from './support/log-lines.js';
import { RawSocket, subscribeMessage } from './support/raw-socket.js';
import { TestServer } from './support/server.js';
import { describeOnSqlite } from './support/test-database.js';

let server: TestServer;
const sockets: RawSocket[] = [];

beforeEach(async () => {
  server = await TestServer.start();
  await upload(server, '1.5.0');
});
afterEach(async () => {
  for (const raw of sockets.splice(0)) raw.socket.terminate();
  await server.stop();
});

async function connect(): Promise<RawSocket> {
  const raw = await RawSocket.open(server);
  sockets.push(raw);
  return raw;
}

async function subscribed(printerId: string, more: object = {}): Promise<RawSocket> {
  const raw = await connect();
  expect((await raw.ask(subscribeMessage({ printer_id: printerId, ...more }))).code).toBe(
    'subscription_accepted',
  );
  return raw;
}

async function online(): Promise<number> {
  const metrics = (await server.request<string>('GET', '/metrics')).body;
  return Number(/^paperminder_printers\{state="online"\} (\d+)$/m.exec(metrics)?.[1]);
}

function orders(raw: RawSocket): number {
  return raw.received.filter(({ kind }) => kind === 'firmware_update').length;
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 200));

describeOnSqlite('While another process holds the database, a subscribe', () => {
  /** Locks the database as another process; resolves with how to unlock it. */
  async function lock(folder = server.folder): Promise<() => Promise<void>> {
    const script = `const db = new (require('better-sqlite3'))(process.argv[1]); db.exec('BEGIN EXCLUSIVE');
      console.log('locked'); setInterval(() => undefined, 1000);`;
    const file = join(folder, 'paperminder.db');
    const child = spawn(process.execPath, ['-e', script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    return async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    };
  }

  it.each(['on a new connection', 'on the connection that it has'])(
    '%s is told to try again later, and nothing is decided by what was on record',
    async (which) => {
      const uuid = randomUUID();
      const before = await subscribed(uuid);
      const raw = which === 'on a new connection' ? await connect() : before;
      if (raw !== before) {
        before.socket.close();
        await eventually('it is offline', async () => !(await details(server, uuid)).online);
      }
      const unlock = await lock();
      try {
        expect((await raw.ask(subscribeMessage({ printer_id: uuid, firmware_version: '2.0.0' }))).code).toBe(
          'server_error',
        );
        await eventually('its connection is closed', () => raw.closeCode !== null);
        expect(raw.closeCode).toBe(1013);
      } finally {
        await unlock();
      }
      expect(await online()).toBe(0);
      const { id } = await roll(server, '1.5.0');
      await pause();
      expect(await counts(server, id)).toEqual([1, 0, 0, 0, 0]);
      expect(orders(raw)).toBe(0);
      // What it runs now is taken in as soon as it can be, and then it is no target.
      const again = await subscribed(uuid, { firmware_version: '2.0.0' });
      expect((await rollout(server, id)).total_targets).toBe(0);
      expect(orders(again)).toBe(0);
      const metrics = (await server.request<string>('GET', '/metrics')).body;
      expect(metrics).toContain('paperminder_subscribes_refused_total{code="server_error"} 1');
    },
    30_000,
  );

  it('takes the reports behind it with it', async () => {
    const uuid = randomUUID();
    const raw = await subscribed(uuid);
    const { id } = await roll(server, '1.5.0');
    await eventually('the update', () => orders(raw) === 1);
    const unlock = await lock();
    try {
      raw.socket.send(JSON.stringify(subscribeMessage({ printer_id: uuid, firmware_version: 'odd' })));
      raw.socket.send(JSON.stringify({ kind: 'firmware_complete', version: '1.5.0' }));
      await eventually('its connection is closed', () => raw.closeCode === 1013);
    } finally {
      await unlock();
    }
    await pause();
    expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
  }, 30_000);

  it('or a report is logged once, however many printers it fails for', async () => {
    const log = new LogLines();
    const logged = await TestServer.start({}, log);
    const boards = await Promise.all(Array.from({ length: 5 }, () => RawSocket.open(logged)));
    for (const raw of boards) await raw.ask(subscribeMessage());
    const unlock = await lock(logged.folder);
    const failed = { kind: 'firmware_failed', error: 'no space' };
    const answers = await Promise.all(boards.map((raw) => raw.ask(failed)));
    await boards[0]!.ask(failed);
    await unlock();
    expect(answers.map(({ code }) => code)).toEqual(boards.map(() => 'server_error'));
    for (const context of ['PrinterGateway', 'Database'])
      expect(log.of(context).filter((line) => line.includes('locked'))).toHaveLength(1);
    for (const raw of boards) raw.socket.terminate();
    await logged.stop();
  }, 30_000);
});

describe('A connection', () => {
  it('that is being closed does not count, and its late end does not either', async () => {
    const uuid = randomUUID();
    const old = await subscribed(uuid);
    // It never answers the close of the server: its socket stays half open.
    old.socket.pause();
    const before = await details(server, uuid);
    expectStatus(await server.request('DELETE', `/api/printers/${uuid}`), 204);
    expect(await online()).toBe(0);
    const young = await subscribed(uuid);
    expect((await details(server, uuid)).id).toBeGreaterThan(before.id);
    expect(await online()).toBe(1);
    old.socket.terminate();
    await pause();
    expect(await online()).toBe(1);
    young.socket.close();
    await eventually('nobody is online', async () => (await online()) === 0);
  });

  it('of a printer that is deleted and reconnects at the same moment is counted once', async () => {
    const uuid = randomUUID();
    const old = await subscribed(uuid);
    const young = await connect();
    const queue = await HeldQueue.hold(server);
    const deleted = server.request('DELETE', `/api/printers/${uuid}`);
    young.socket.send(JSON.stringify(subscribeMessage({ printer_id: uuid })));
    await queue.submitted({ operators: 1, printers: 1 });
    await queue.release();
    expectStatus(await deleted, 204);
    await eventually('its old connection is closed', () => old.closeCode !== null);
    await eventually('it is registered again', async () => (await online()) === 1);
    young.socket.close();
    await eventually('it is offline', async () => (await online()) === 0);
  });

  it('that comes first with a key keeps the printer, whatever another key asks for at the same time', async () => {
    const uuid = randomUUID();
    const { id } = await roll(server, '1.5.0');
    const [winner, loser] = [await connect(), await connect()];
    const queue = await HeldQueue.hold(server);
    winner.socket.send(JSON.stringify(subscribeMessage({ printer_id: uuid, api_key: 'one' })));
    await queue.submitted({ printers: 1 });
    loser.socket.send(JSON.stringify(subscribeMessage({ printer_id: uuid, api_key: 'two' })));
    await queue.submitted({ printers: 2 });
    await queue.release();
    await eventually('both are answered', () => [winner, loser].every(({ received }) => received.length > 1));
    expect(loser.received[1]).toMatchObject({ code: 'unauthorized' });
    expect(winner.received.map(({ code, kind }) => code ?? kind)).toEqual([
      'info',
      'subscription_accepted',
      'firmware_update',
    ]);
    expect(winner.closeCode).toBeNull();
    expect(await online()).toBe(1);
    winner.socket.send(JSON.stringify({ kind: 'firmware_complete', version: '1.5.0' }));
    await eventually('its report counts', async () => (await counts(server, id))[2] === 1);
    loser.socket.send(JSON.stringify({ kind: 'firmware_failed', error: 'x' }));
    await eventually('the other one is refused', () => loser.received.at(-1)?.code === 'validation_error');
  });

  it('taken over and back at the same moment leaves one that the printer is online through', async () => {
    for (let race = 0; race < 20; race++) {
      const uuid = randomUUID();
      const first = await subscribed(uuid);
      const second = await connect();
      for (const raw of [second, first, second, first])
        raw.socket.send(JSON.stringify(subscribeMessage({ printer_id: uuid })));
      const isClosed = ({ closeCode }: RawSocket): boolean => closeCode !== null;
      await eventually('one of them is closed', () => isClosed(first) || isClosed(second));
      expect([isClosed(first), isClosed(second)].sort()).toEqual([false, true]);
      const current = isClosed(first) ? second : first;
      expect(await online()).toBe(1);
      const { id } = await roll(server, '1.5.0', { target: { printer_ids: [uuid] } });
      await eventually('the update', () => orders(current) > 0);
      await patch(server, id, { status: 'cancelled' });
      current.socket.close();
      await eventually('nobody is online', async () => (await online()) === 0);
    }
  }, 60_000);

  it('gets its report in though it closes right behind it, as a board does that reboots', async () => {
    const uuid = randomUUID();
    const raw = await subscribed(uuid);
    const { id } = await roll(server, '1.5.0');
    await eventually('the update', () => orders(raw) === 1);
    const queue = await HeldQueue.hold(server);
    raw.socket.send(JSON.stringify({ kind: 'firmware_complete', version: '1.5.0' }));
    raw.socket.close();
    await eventually('it is offline', async () => (await online()) === 0);
    await queue.release();
    await eventually('the report counts', async () => (await counts(server, id))[2] === 1);
  });

  it('of a second board with the same UUID becomes a problem when they take over from each other', async () => {
    const uuid = randomUUID();
    const fields = async (): Promise<string[]> =>
      (await details(server, uuid)).problems.map(({ field }) => field);
    for (let takeOvers = 0; takeOvers <= 5; takeOvers++) await subscribed(uuid);
    expect(await fields()).toEqual([]);
    const last = await connect();
    const answer = await last.ask(subscribeMessage({ printer_id: uuid }));
    expect(answer).toMatchObject({
      code: 'subscription_accepted',
      detail: expect.stringContaining('printer_id'),
    });
    expect(await details(server, uuid)).toMatchObject({ problems: [{ field: 'printer_id', value: uuid }] });
    expect((await server.request<string>('GET', '/metrics')).body).toContain(
      'paperminder_printers_with_problems{field="printer_id"} 1',
    );
    // The same board on the same connection changes nothing; after a quiet minute all is well again.
    await last.ask(subscribeMessage({ printer_id: uuid }));
    expect(await fields()).toEqual(['printer_id']);
    server.clock.advance(61_000);
    await last.ask(subscribeMessage({ printer_id: uuid }));
    expect(await fields()).toEqual([]);
  });
});

describe('A printer that is blocked', () => {
  async function block(uuid: string, blocked = true): Promise<void> {
    expectStatus(await server.request('PATCH', `/api/printers/${uuid}`, { blocked }), 200);
  }

  it('is no target of anything, and holds nothing up, until it is let in again', async () => {
    await upload(server, '1.6.0');
    const one = await connected(server, { behaviour: 'hang' });
    const done = await connected(server);
    const { uuid, userId } = one.options;
    const { id } = await roll(server, '1.5.0');
    await eventually('one is updated', async () => (await counts(server, id)).join() === '0,1,1,0,0');
    const waiting = { rollout_type: 'gradual', rollout_percentage: 0 };
    const others = [
      await roll(server, '1.6.0', waiting),
      await roll(server, '1.6.0', { ...waiting, target: { user_ids: [userId] } }),
      await roll(server, '1.6.0', { ...waiting, target: { printer_ids: [uuid] } }),
    ];
    const pending = async (): Promise<number[]> =>
      Promise.all(others.map(async (other) => (await rollout(server, other.id)).pending_count));
    expect(await pending()).toEqual([2, 1, 1]);

    await block(uuid);
    expect(await pending()).toEqual([1, 0, 0]);
    // What was under way has ended, so that the rollout is done.
    expect(await rollout(server, id)).toMatchObject({
      status: 'completed',
      failed_count: 1,
      in_progress_count: 0,
    });
    expect((await history(server, uuid))[0]).toMatchObject({
      status: 'failed',
      error_message: 'blocked by an operator',
    });
    const decision = await server.request<DecisionResponse>('GET', `/api/printers/${uuid}/decision`);
    expect(decision.body).toMatchObject({ send: false, reason: 'blocked' });
    expect(decision.body.rollouts.map(({ reason }) => reason)).toEqual(Array(4).fill('blocked'));
    const preview = await server.request<RolloutPreviewResponse>('POST', '/api/rollouts/preview', {
      firmware_version: '1.6.0',
      rollout_type: 'immediate',
      target: { all: true },
    });
    expect(preview.body).toMatchObject({ matching: 1, left_out: [{ reason: 'blocked', printers: 1 }] });
    // A retry does not reach it either.
    await server.request('POST', `/api/rollouts/${id}/retry`);
    expect(await counts(server, id)).toEqual([0, 0, 1, 1, 0]);

    await block(uuid, false);
    expect(await pending()).toEqual([2, 1, 1]);
    await server.request('POST', `/api/rollouts/${id}/retry`);
    await one.close();
    await eventually(
      'it is sent the update again',
      async () => (await counts(server, id)).join() === '0,1,1,0,0',
    );
    await Promise.all([one.stop(), done.stop()]);
  });

  it('is offline at once, though its socket does not answer the close', async () => {
    const uuid = randomUUID();
    const raw = await subscribed(uuid);
    raw.socket.pause();
    await block(uuid);
    expect(await details(server, uuid)).toMatchObject({ online: false, blocked: true });
    expect(await online()).toBe(0);
  });

  it('is told why its socket is closed', async () => {
    const uuid = randomUUID();
    const raw = await subscribed(uuid);
    const closed = once(raw.socket, 'close');
    await block(uuid);
    expect(String((await closed)[1])).toBe('blocked by an operator');
  });

  it('keeps no socket when it reconnects either', async () => {
    const uuid = randomUUID();
    await subscribed(uuid);
    await block(uuid);
    const board = await Board.connect(server);
    expect(await board.subscribe(uuid)).toBe('blocked');
    const answered = performance.now();
    await eventually('it is closed', () => board.closed);
    expect(board.closeCode).toBe(4000);
    expect(performance.now() - answered).toBeLessThan(2_000);
  });

  it('has nothing recorded as sent to it from that moment on, however close a rollout is', async () => {
    for (let race = 0; race < 40; race++) {
      const uuid = randomUUID();
      const raw = await subscribed(uuid);
      const [created] = await Promise.all([
        roll(server, '1.5.0', { target: { printer_ids: [uuid] } }),
        block(uuid),
      ]);
      await eventually('it is closed', () => raw.closeCode !== null);
      const updates = await history(server, uuid);
      expect(updates.filter(({ status }) => status === 'in_progress')).toEqual([]);
      const { total_targets } = await rollout(server, created.id);
      expect(total_targets).toBe(updates.length);
      await patch(server, created.id, { status: 'cancelled' });
    }
  }, 60_000);
});
