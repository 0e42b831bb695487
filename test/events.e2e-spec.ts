import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { HttpAdapterHost } from '@nestjs/core';
import { Changes } from '../src/database/changes.js';
import { Database } from '../src/database/database.js';
import { EventTimes } from '../src/fleet/events/event-streams.js';
import { FleetWatch } from '../src/fleet/events/fleet-changes.js';
import type { RolloutResponse } from '../src/rollout/http/dto/rollout-response.dto.js';
import { VERSION } from '../src/version.js';
import { EventReader } from './support/event-reader.js';
import type { ReadEvent } from './support/event-reader.js';
import { eventually } from './support/eventually.js';
import { connected, details, expectStatus, patch, roll, rollout, upload } from './support/factories.js';
import { LogLines } from './support/log-lines.js';
import { RawConnection } from './support/raw-connection.js';
import { TestServer } from './support/server.js';

const SOCKET_BUFFER = 64 * 1024;

// The longest note that a rollout may have.
const LONG = '🖨'.repeat(2_000);
const ROLLOUTS = 60;
const PRINTERS = 40;

describe('The event stream', () => {
  let server: TestServer;
  const readers: EventReader[] = [];
  const raw: RawConnection[] = [];

  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.close();
    for (const connection of raw.splice(0)) connection.destroy();
    await server.stop();
  });

  async function start(...args: Parameters<typeof TestServer.start>): Promise<void> {
    server = await TestServer.start(...args);
  }

  function quick(turnMs = 20): void {
    server.get(EventTimes).turnMs = turnMs;
  }

  async function read(headers: Record<string, string> = {}): Promise<EventReader> {
    const reader = await EventReader.open(server, headers);
    readers.push(reader);
    return reader;
  }

  const rolloutsOf = (data: Record<string, unknown>): RolloutResponse[] => data.rollouts as RolloutResponse[];
  const idsOf = (data: Record<string, unknown>): number[] => (data.ids ?? []) as number[];

  it('begins with how things are', async () => {
    await start();
    await upload(server, '1.5.0');
    await connected(server);
    const first = await roll(server, '1.5.0', { target: { channels: ['beta'] } });
    const cancelled = await roll(server, '1.5.0', { target: { channels: ['beta'] } });
    await patch(server, cancelled.id, { status: 'cancelled' });
    await eventually(
      'the versions are counted',
      () => server.request('GET', '/api/summary'),
      ({ body }) => body.counted_at !== null,
    );
    const reader = await read();
    expect(reader.headers.get('content-type')).toBe('text/event-stream');
    expect(reader.headers.get('cache-control')).toContain('no-store');
    expect(reader.headers.get('x-accel-buffering')).toBe('no');
    const summary = await reader.next('summary');
    const rollouts = await reader.next('rollouts');
    expect(reader.events[0]).toEqual({
      type: 'hello',
      data: { version: VERSION, started_at: expect.stringMatching(/Z$/), simulator: false },
    });
    expect(rollouts).toEqual({ rollouts: [await rollout(server, first.id)], removed: [] });
    const asked = expectStatus(await server.request('GET', '/api/summary'), 200);
    expect(summary).toEqual({ ...asked, at: expect.anything(), counted_at: expect.anything() });
    expect(reader.of('hello')).toHaveLength(1);
  });

  it('says that there is no rollout, if there is none', async () => {
    await start();
    const reader = await read();
    expect(await reader.next('rollouts')).toEqual({ rollouts: [], removed: [] });
    await reader.next('summary');
    expect(reader.events.map(({ type }) => type).sort()).toEqual(['hello', 'rollouts', 'summary']);
  });

  it('begins with the newest hundred rollouts, however much is to be said of them', async () => {
    await start();
    await upload(server, '1.5.0');
    for (let index = 0; index < 105; index++) await roll(server, '1.5.0', { note: LONG });
    const reader = await read();
    const seen = (): number[] =>
      reader.of('rollouts').flatMap((data) => rolloutsOf(data).map(({ id }) => id));
    await eventually('all are there', () => seen().length === 100);
    expect(seen()).toEqual(Array.from({ length: 100 }, (_, index) => 105 - index));
    expect(reader.of('rollouts').length).toBeGreaterThan(10);
  }, 60_000);

  it('tells of printers that come, change, move and go', async () => {
    await start();
    quick();
    await upload(server, '1.5.0');
    const reader = await read();
    const one = await connected(server);
    const { id } = await details(server, one.options.uuid);
    const told = async (what: string): Promise<void> => {
      await eventually(what, () =>
        reader.of('printers').some((data) => idsOf(data).includes(id) || data.all),
      );
      await sleep(100);
      reader.clear();
    };
    await told('it has come');
    await server.request('PATCH', `/api/printers/${id}`, { reset_key: true });
    await told('it was changed');
    await eventually('it is back', () => one.subscribed);
    await sleep(100);
    reader.clear();
    one.behaviour = 'hang';
    await roll(server, '1.5.0');
    await eventually('its update is under way', () => one.orders.length > 0);
    await told('its update is under way');
    one.send({ kind: 'firmware_progress', percent: 50, status: 'Downloading 50%' });
    await told('it has moved');
    one.send({ kind: 'firmware_failed', error: 'Update failed: no space' });
    await told('it has failed');
    await one.stop();
    await told('it has gone');
    await server.request('DELETE', `/api/printers/${id}`);
    await told('it is deleted');
  });

  it('tells of rollouts that are created, move on, are cancelled and deleted', async () => {
    await start();
    quick();
    await upload(server, '1.5.0');
    await connected(server, { behaviour: 'update' });
    const reader = await read();
    const { id } = await roll(server, '1.5.0');
    const state = (status: string) => (data: Record<string, unknown>) =>
      rolloutsOf(data).some((one) => one.id === id && one.status === status);
    await reader.next('rollouts', state('completed'));
    const last = reader.of('rollouts').flatMap(rolloutsOf).at(-1);
    expect(last).toEqual(await rollout(server, id));
    await patch(server, id, { status: 'cancelled' });
    await reader.next('rollouts', state('cancelled'));
    await server.request('DELETE', `/api/rollouts/${id}`);
    expect(await reader.next('rollouts', ({ removed }) => (removed as number[]).length > 0)).toEqual({
      rollouts: [],
      removed: [id],
    });
  });

  it('tells of firmware, and of a summary that has changed', async () => {
    await start();
    quick();
    const reader = await read();
    await reader.next('summary');
    reader.clear();
    await upload(server, '1.5.0');
    expect(await reader.next('firmware')).toEqual({});
    await reader.next('summary', ({ firmware }) => firmware === 1);
    reader.clear();
    await server.request('PATCH', '/api/firmware/1.5.0', { mandatory: true });
    await reader.next('firmware');
    reader.clear();
    await server.request('DELETE', '/api/firmware/1.5.0');
    await reader.next('firmware');
    reader.clear();
    await connected(server);
    await reader.next('summary', ({ printers }) => (printers as { online: number }).online === 1);
    await reader.next('summary', ({ versions }) => (versions as unknown[]).length === 1);
  });

  it('says nothing while nothing changes, but for its pings', async () => {
    await start();
    quick();
    server.get(EventTimes).pingMs = 200;
    const reader = await read();
    await reader.next('summary');
    reader.clear();
    await eventually('three pings', () => reader.of('ping').length >= 3);
    expect(reader.events.every(({ type, data }) => type === 'ping' && Object.keys(data).length === 0)).toBe(
      true,
    );
  });

  it('gathers what changes within a turn, and names no more than a thousand printers', async () => {
    await start();
    quick(700);
    const reader = await read();
    await reader.next('summary');
    await sleep(800);
    reader.clear();
    const registered = (count: number): Promise<unknown> =>
      Promise.all(Array.from({ length: count }, () => connected(server, { rebootMs: 60_000 })));
    await registered(20);
    await eventually('they are named', () => reader.of('printers').flatMap(idsOf).length >= 20);
    await sleep(800);
    expect(reader.of('printers').length).toBeLessThanOrEqual(3);
    expect(new Set(reader.of('printers').flatMap(idsOf)).size).toBe(20);
    reader.clear();
    const changes = server.get(Changes);
    for (let id = 1; id <= 1_000; id++) changes.printer(id);
    await eventually('a thousand are named', () => reader.of('printers').flatMap(idsOf).length === 1_000);
    await sleep(800);
    for (let id = 1; id <= 1_001; id++) changes.printer(id);
    await reader.next('printers', ({ all }) => all === true);
    expect(reader.of('printers')).toHaveLength(2);
  });

  it('notes nothing while nobody watches', async () => {
    await start();
    quick();
    const reader = await read();
    const changes = server.get(Changes);
    const noted = (): ReturnType<Changes['take']> => {
      changes.printer(1);
      return changes.take();
    };
    expect(noted().printers).toEqual([1]);
    reader.close();
    await eventually('the server knows that nobody watches', noted, ({ printers }) => printers.length === 0);
    expect(noted()).toEqual({ printers: [], firmware: false });
  });

  it('keeps little for a reader that reads nothing, and tells it how things are once it does', async () => {
    await start();
    quick();
    const responses: ServerResponse[] = [];
    const http = server.get<HttpAdapterHost>(HttpAdapterHost).httpAdapter.getHttpServer() as Server;
    http.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.url === '/api/events') responses.push(response);
    });
    await upload(server, '1.5.0');
    // Each printer that registers is a target of all of them, so all of them change at once.
    const nobodyYet = { note: LONG, rollout_type: 'gradual', rollout_percentage: 0 };
    const { id } = await roll(server, '1.5.0', nobodyYet);
    for (let index = 1; index < ROLLOUTS; index++) await roll(server, '1.5.0', nobodyYet);
    const gone = await roll(server, '1.5.0', { target: { channels: ['beta'] } });
    const deaf = await RawConnection.open(server);
    raw.push(deaf);
    deaf.pause();
    deaf.send('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await eventually('it is open', () => responses.length === 1);
    const [response] = responses;
    const event = ROLLOUTS * Buffer.byteLength(JSON.stringify(await rollout(server, id)));
    let most = 0;
    for (let index = 0; index < PRINTERS; index++) {
      await connected(server);
      await sleep(30);
      most = Math.max(most, response!.writableLength);
    }
    await sleep(500);
    const written = response!.socket!.bytesWritten;
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(SOCKET_BUFFER + 2 * event);
    // The kernels of both sides have taken what they take; from then on nothing is written any more.
    expect(written).toBeLessThan(30 * event);
    await server.request('DELETE', `/api/rollouts/${gone.id}`);
    await connected(server);
    await sleep(100);
    expect(response!.socket!.bytesWritten).toBe(written);
    // It reads again.
    deaf.resume();
    await eventually('it knows all', () => {
      const events = eventsIn(deaf.text);
      const last = events.filter(({ type }) => type === 'rollouts').flatMap(({ data }) => rolloutsOf(data));
      const removed = events.flatMap(({ data }) => (data.removed ?? []) as number[]);
      const printers = events.filter(({ type }) => type === 'printers');
      const { online } = (events.findLast(({ type }) => type === 'summary')?.data.printers ?? {}) as {
        online?: number;
      };
      return (
        last.findLast((one) => one.id === id)?.pending_count === PRINTERS + 1 &&
        removed.includes(gone.id) &&
        printers.length > 0 &&
        online === PRINTERS + 1
      );
    });
  }, 60_000);

  it('tells one stream after the other what is long, and others get their turn in between', async () => {
    await start();
    quick();
    await upload(server, '1.5.0');
    const target = { printer_ids: Array.from({ length: 100 }, () => randomUUID()) };
    const longest = { target, note: LONG, rollout_type: 'gradual', rollout_percentage: 0 };
    const { id } = await roll(server, '1.5.0', longest);
    const all = await Promise.all(Array.from({ length: 20 }, () => read()));
    await Promise.all(all.map((one) => one.next('summary')));
    const told = jest.spyOn(server.get(FleetWatch), 'rollout');
    let mostInOneTurn = 0;
    const look = (before: number): void => {
      mostInOneTurn = Math.max(mostInOneTurn, told.mock.calls.length - before);
      if (told.mock.calls.length < all.length) setImmediate(look, told.mock.calls.length);
    };
    look(0);
    await patch(server, id, { rollout_percentage: 1 });
    for (const one of all)
      await one.next('rollouts', (data) => rolloutsOf(data)[0]?.rollout_percentage === 1);
    // What is said of a rollout is at most some 13,000 characters, and 16,384 are handed over before the next turn.
    expect([told.mock.calls.length, mostInOneTurn]).toEqual([20, 2]);
  });

  it('lets two hundred in, and others when there is room again', async () => {
    const log = new LogLines();
    await start({}, log);
    const all = await Promise.all(Array.from({ length: 200 }, () => read()));
    const refused = await server.request('GET', '/api/events');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(refused.body.detail).toBe('Too many event streams are open (200); try again later');
    expect(log.of('Error')).toEqual([refused.body.detail]);
    all[0]!.close();
    await eventually('there is room again', async () => {
      try {
        await read();
        return true;
      } catch {
        return false;
      }
    });
  });

  it('needs a key once the server is claimed', async () => {
    await start();
    const made = await server.request<{ key: string }>('POST', '/api/keys', {
      name: 'Ada',
      scopes: ['admin'],
    });
    const { key } = expectStatus(made, 201);
    expect((await server.request('GET', '/api/events')).status).toBe(401);
    const admin = { authorization: `Bearer ${key}` };
    const body = { name: 'Wall', scopes: ['read'] };
    const reading = await server.request<{ key: string }>('POST', '/api/keys', body, admin);
    const reader = await read({ authorization: `Bearer ${expectStatus(reading, 201).key}` });
    expect(await reader.next('hello')).toMatchObject({ version: VERSION });
  });

  it('ends after a while, so that a revoked key is not served for ever', async () => {
    await start();
    Object.assign(server.get(EventTimes), { pingMs: 50, maxAgeMs: 200 });
    const reader = await read();
    await reader.next('ping');
    await eventually('it has ended', () => reader.ended);
  });

  it('refuses query parameters', async () => {
    await start();
    expect((await server.request('GET', '/api/events?cursor=1')).status).toBe(400);
  });

  it('ends at once when the server stops, and can be opened again after the restart', async () => {
    await start();
    quick();
    const open = await Promise.all([read(), read(), read()]);
    await upload(server, '1.5.0');
    const target = { printer_ids: Array.from({ length: 9_000 }, () => randomUUID()) };
    const { id } = await roll(server, '1.5.0', { target, rollout_type: 'gradual', rollout_percentage: 0 });
    const deaf = await RawConnection.open(server);
    raw.push(deaf);
    deaf.pause();
    deaf.send('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    for (let percentage = 1; percentage <= 20; percentage++) {
      await patch(server, id, { rollout_percentage: percentage });
      await sleep(30);
    }
    const begun = performance.now();
    let stopped = 0;
    await server.restart(() => {
      stopped = performance.now() - begun;
    });
    expect(stopped).toBeLessThan(1_000);
    await eventually('all have ended', () => open.every(({ ended }) => ended));
    const again = await read();
    const rollouts = await again.next('rollouts');
    expect(rolloutsOf(rollouts).map((one) => one.rollout_percentage)).toEqual([20]);
  });

  it('is one line of the log, at its end, and no measurement', async () => {
    const log = new LogLines();
    await start({}, log);
    const reader = await read();
    await reader.next('summary');
    const lines = (): string[] => log.of('HTTP').filter((line) => line.includes('/api/events'));
    expect(lines()).toEqual([]);
    reader.close();
    await eventually('the line is there', () => lines().length > 0);
    expect(lines()).toEqual([expect.stringMatching(/^GET \/api\/events 200 \d+ ms 127\.0\.0\.1$/)]);
    const metrics = (await server.request<string>('GET', '/metrics')).body;
    expect(metrics).not.toContain('/api/events');
  });

  it('misses nothing of a transaction that was open before it', async () => {
    await start();
    quick();
    const changes = server.get(Changes);
    const open: Array<() => void> = [];
    const work = server.get(Database).write(async (tx) => {
      await tx.sql.run('INSERT INTO rollout_cancellation (rollout_id, newest_rollout_id) VALUES (1, 1)');
      changes.printerIn(tx, 7);
      await new Promise<void>((resolve) => open.push(resolve));
    });
    await eventually('the transaction is open', () => open.length === 1);
    const reader = await read();
    open[0]!();
    await work;
    expect(await reader.next('printers')).toEqual({ all: true });
  });
});

function eventsIn(text: string): ReadEvent[] {
  // Of what is sent in chunks, the lines of their lengths stand between.
  const body = dechunked(text);
  return body.split('\n\n').flatMap((block) => {
    const type = /^event: (.*)$/m.exec(block)?.[1];
    const data = /^data: (.*)$/m.exec(block)?.[1];
    if (type === undefined || data === undefined) return [];
    try {
      return [{ type, data: JSON.parse(data) as Record<string, unknown> }];
    } catch {
      return [];
    }
  });
}

function dechunked(text: string): string {
  let rest = text.slice(text.indexOf('\r\n\r\n') + 4);
  let body = '';
  for (;;) {
    const [, size] = /^([0-9a-f]+)\r\n/.exec(rest) ?? [];
    if (size === undefined) return body;
    const begin = size.length + 2;
    body += rest.slice(begin, begin + parseInt(size, 16));
    rest = rest.slice(begin + parseInt(size, 16) + 2);
  }
}
