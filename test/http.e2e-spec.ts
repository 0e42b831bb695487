import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import { DataSource } from 'typeorm';
import { Database } from '../src/database/database.js';
import type { WriterConnection } from '../src/database/sqlite/writer-connection.js';
import { RolloutScheduler } from '../src/rollout/campaign/rollout.scheduler.js';
import { eventually } from './support/eventually.js';
import { binary, connected, expectStatus, roll, rollout, upload } from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { LogLines } from './support/log-lines.js';
import { RawConnection } from './support/raw-connection.js';
import { TestServer } from './support/server.js';
import { itOnSqlite } from './support/test-database.js';

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = { a: value };
  return value;
}

describe('Over HTTP', () => {
  const log = new LogLines();
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start({ CORS_ALLOWED_ORIGINS: 'https://console.example' }, log);
  });
  afterAll(() => server.stop());

  it('the log has one line a request, a step of a rollout and an end of an update, and none for progress', async () => {
    await upload(server, '1.5.0');
    const one = await connected(server, { platform: 'esp32' });
    const { id } = await roll(server, '1.5.0');
    await eventually(
      'the rollout is completed',
      async () => (await rollout(server, id)).status === 'completed',
    );
    await server.request('PATCH', `/api/rollouts/${id}`, { status: 'cancelled' });
    await one.stop();
    expect(log.of('Rollout')).toEqual([
      `Rollout ${id} of 1.5.0: created as immediate, 100 %, active`,
      `Rollout ${id} of 1.5.0 is completed`,
      `Rollout ${id} of 1.5.0: completed -> cancelled`,
    ]);
    expect(log.of('Update')).toEqual([
      expect.stringMatching(/^Update \d+ of printer \d+ to 1\.5\.0 completed$/),
    ]);
    const requests = log.of('HTTP');
    expect(requests.filter((line) => /^POST \/api\/rollouts 201 \d+ ms/.test(line))).toHaveLength(1);
    expect(requests.filter((line) => line.startsWith('PATCH'))).toHaveLength(1);
    expect(log.lines.filter((line) => /percent|progress|Downloading/.test(line.message))).toEqual([]);
    expectStatus(await server.request('GET', '/health/live'), 200);
  });

  it.each([
    ['an unknown path', 'GET', '/api/nothing', undefined, {}, 404],
    ['a method that a path lacks', 'PUT', '/api/rollouts', {}, {}, 404],
    [
      'a body that is no JSON',
      'POST',
      '/api/rollouts',
      undefined,
      { 'content-type': 'application/json' },
      400,
    ],
    ['a body that is no object', 'POST', '/api/rollouts', [], {}, 400],
    ['no body', 'POST', '/api/rollouts', undefined, {}, 400],
    ['no body to a change', 'PATCH', '/api/rollouts/1', undefined, {}, 400],
    ['a body that is too long', 'POST', '/api/rollouts', { x: 'x'.repeat(1_100_000) }, {}, 413],
    ['an upload that is no form', 'POST', '/api/firmware/upload', { version: '1.0.0' }, {}, 400],
    [
      'a form without a boundary',
      'POST',
      '/api/firmware/upload',
      undefined,
      { 'content-type': 'multipart/form-data' },
      400,
    ],
    ['a body nested without end', 'POST', '/api/rollouts', { target: deep(3_000) }, {}, 400],
    ['a field that every object has', 'POST', '/api/rollouts', { constructor: 1 }, {}, 400],
    ['a query that every object has', 'GET', '/api/firmware?constructor=1', undefined, {}, 400],
    ['a prototype as a query', 'GET', '/api/firmware?__proto__=1', undefined, {}, 400],
    ['a query where none is known', 'POST', '/api/rollouts?dry_run=1', {}, {}, 400],
    ['a query of a nested kind', 'GET', '/api/printers?channel[]=stable', undefined, {}, 400],
  ])('%s is answered with a problem', async (_what, method, path, body, headers, status) => {
    const answer = await server.request<ProblemBody>(method, path, body, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    if (status === 400) {
      expect(answer.body.errors?.length).toBeGreaterThan(0);
      for (const error of answer.body.errors ?? []) {
        expect(error).toEqual({ field: expect.any(String), value: error.value, message: expect.any(String) });
        expect(error).toHaveProperty('value');
      }
    }
    expect(answer.body).toMatchObject({
      type: 'about:blank',
      title: expect.any(String),
      status,
      detail: expect.stringMatching(/\w/),
    });
  });

  it('a broken JSON body is said to be one', async () => {
    const response = await fetch(`${server.url}/api/rollouts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"firmware_version": "1.5.0",}',
    });
    const problem = (await response.json()) as ProblemBody;
    expect([response.status, problem.detail]).toEqual([400, expect.stringContaining('JSON')]);
  });

  it('an error of the server says nothing of its inside, and stands in the log', async () => {
    await server.get(DataSource).query('ALTER TABLE firmware RENAME TO away');
    const answer = await server.request<ProblemBody>('GET', '/api/firmware');
    await server.get(DataSource).query('ALTER TABLE away RENAME TO firmware');
    expect([answer.status, answer.body.detail]).toEqual([500, expect.not.stringMatching(/SQL|table/)]);
    expect(log.of('Error').join()).toMatch(/no such table|does not exist/);
  });

  it.each([
    ['with its request', 'HTTP/1.1', true],
    ['with its request', 'HTTP/1.0', true],
    ['after the first bytes of the answer', 'HTTP/1.1', false],
  ])('a client that ends its side %s (%s) gets the whole answer', async (_when, protocol, early) => {
    const version = `2.${protocol.at(-1)}.${early ? 1 : 0}`;
    const image = binary(4 * 1024 * 1024);
    await upload(server, version, {}, image);
    const client = await RawConnection.open(server);
    client.send(`GET /api/firmware/download/${version} ${protocol}\r\nHost: localhost\r\n\r\n`);
    if (early) client.end();
    await eventually('the first bytes', () => client.received.length > 0 || client.closed);
    client.pause();
    await sleep(200);
    client.end().resume();
    await eventually('the end', () => client.closed);
    const body = client.received.subarray(client.received.indexOf('\r\n\r\n') + 4);
    expect(Buffer.compare(body, image)).toBe(0);
    expect(log.of('HTTP').filter((line) => line.includes(version) && line.includes('aborted'))).toEqual([]);
    client.destroy();
  });

  it('a client that ends its side of an event stream gives its place back at once', async () => {
    const client = await RawConnection.open(server);
    client.send('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await eventually('it is told the state', () => client.text.includes('event: rollouts'));
    const begun = performance.now();
    client.end();
    await eventually('it is closed', () => client.closed);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it('a browser is let in from the configured origins only', async () => {
    const asked = async (origin: string): Promise<string | null> => {
      const answer = await server.request('GET', '/api/firmware', undefined, { origin });
      return answer.headers.get('access-control-allow-origin');
    };
    expect(await asked('https://console.example')).toBe('https://console.example');
    expect(await asked('https://evil.example')).not.toBe('https://evil.example');
  });

  it('nothing tells which software it is', async () => {
    const { headers } = await server.request('GET', '/api/firmware');
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('health says that it lives, and whether it is ready', async () => {
    expect((await server.request('GET', '/health/live')).body).toMatchObject({ status: 'ok' });
    const ready = await server.request('GET', '/health/ready');
    expect([ready.status, ready.body]).toEqual([200, expect.objectContaining({ status: 'ok' })]);
  });

  itOnSqlite(
    'a database that another process has locked is a 503 that passes, and nothing is lost',
    async () => {
      const lockedLog = new LogLines();
      const locked = await TestServer.start({}, lockedLog);
      await upload(locked, '1.5.0');
      const one = await connected(locked, { behaviour: 'hang' });
      const other = new SqliteDatabase(`${locked.folder}/paperminder.db`);
      other.exec('BEGIN IMMEDIATE');
      const wanted = { firmware_version: '1.5.0', target: { all: true }, rollout_type: 'immediate' };
      const refused = await locked.request<ProblemBody>('POST', '/api/rollouts', wanted);
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
      const ready = await locked.request<ProblemBody>('GET', '/health/ready');
      expect([ready.status, ready.body.detail]).toEqual([503, expect.stringContaining('locked')]);
      for (const [method, path] of [
        ['POST', '/api/rollouts'],
        ['GET', '/health/ready'],
      ] as const)
        expect((await locked.request(method, path, method === 'POST' ? wanted : undefined)).status).toBe(503);
      // Once for each reason, not with every request.
      expect(lockedLog.of('Error')).toEqual([
        expect.stringContaining('database is locked'),
        expect.stringMatching(/^database: .*locked/),
      ]);
      expect(lockedLog.lines.filter(({ message }) => message.includes('Health Check'))).toEqual([]);
      const scheduler = locked.get(RolloutScheduler);
      for (let tick = 0; tick < 2; tick++) await scheduler.activateDue();
      expect(lockedLog.of('Scheduler')).toEqual([expect.stringContaining('database is locked')]);
      // Reads need no lock.
      expect((await locked.request('GET', '/api/printers')).status).toBe(200);
      other.exec('ROLLBACK');
      other.close();
      expect((await locked.request('GET', '/health/ready')).status).toBe(200);
      expect((await locked.request<{ rollouts: unknown[] }>('GET', '/api/rollouts')).body.rollouts).toEqual(
        [],
      );
      await roll(locked, '1.5.0');
      await eventually('the printer gets its update after all', () => one.orders.length === 1);
      await one.stop();
      await locked.stop();
    },
  );

  itOnSqlite('health says so if the database does not answer', async () => {
    const broken = await TestServer.start();
    const writer = Reflect.get(broken.get(Database), 'writer') as WriterConnection;
    await writer.close();
    const answer = await broken.request<ProblemBody>('GET', '/health/ready');
    expect([answer.status, answer.body.detail]).toEqual([503, expect.stringMatching(/^database: /)]);
    expect((await broken.request('GET', '/health/live')).status).toBe(200);
    await broken.stop();
  });
});
