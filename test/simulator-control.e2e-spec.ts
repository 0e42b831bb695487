import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NewKeyResponse } from '../src/access/api-key.dto.js';
import { Connections } from '../src/gateway/connections.js';
import type { PrinterListResponse } from '../src/printer/list/printer-list.dto.js';
import type { SimulatorResponse } from '../src/simulator-control/simulator.dto.js';
import { eventually } from './support/eventually.js';
import { counts, expectStatus, roll, upload } from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { TestServer } from './support/server.js';
import type { Answer } from './support/server.js';

const PATH = '/api/simulator';

describe('Virtual printers inside the server', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start({ SIMULATOR: 'true', REQUIRE_PRINTER_KEY: 'true' });
  });
  afterEach(async () => {
    expectStatus(await server.request('DELETE', PATH), 204);
  });
  afterAll(() => server.stop());

  function add<T = SimulatorResponse>(body: object): Promise<Answer<T>> {
    return server.request<T>('POST', PATH, body);
  }

  async function list(): Promise<SimulatorResponse> {
    return expectStatus(await server.request<SimulatorResponse>('GET', PATH), 200);
  }

  async function online(): Promise<number> {
    const answer = await server.request<PrinterListResponse>('GET', '/api/printers?online=true');
    return expectStatus(answer, 200).total;
  }

  it('connect as boards do, and leave when they are removed', async () => {
    expect(await list()).toEqual({ printers: [], limit: 500 });
    const added = expectStatus(await add({ printers: 12, version: 'v1.3', channel: 'beta' }), 201);
    expect(added.printers).toHaveLength(12);
    expect(added.printers[0]).toEqual({
      uuid: expect.any(String),
      name: 'Virtual printer 1',
      state: 'offline',
      firmware_version: '1.3.0',
      percent: null,
    });
    await eventually('all are online', online, (count) => count === 12);
    await eventually('they say so', list, ({ printers }) =>
      printers.every(({ state }) => state === 'online'),
    );
    const answer = await server.request<PrinterListResponse>('GET', '/api/printers?channel=beta&limit=1');
    expect(answer.body).toMatchObject({
      total: 12,
      printers: [{ firmware_version: '1.3.0', has_key: true }],
    });
    expectStatus(await server.request('DELETE', PATH), 204);
    await eventually('none is online', online, (count) => count === 0);
    expect(await list()).toEqual({ printers: [], limit: 500 });
  });

  it('take an update step by step, each to the end that it was added for', async () => {
    await upload(server, '1.5.0');
    for (const share of ['fail', 'decline', 'hang', 'roll_back'])
      expectStatus(await add({ printers: 1, [share]: 1 }), 201);
    expectStatus(await add({ printers: 4 }), 201);
    await eventually('all are online', online, (count) => count === 8);
    const { id } = await roll(server, '1.5.0', { target: { channels: ['stable'] } });
    await eventually('one is on its way', list, ({ printers }) =>
      printers.some(({ state, percent }) => state === 'updating' && percent !== null && percent > 0),
    );
    const end = await eventually(
      'all but the one that hangs have ended',
      () => counts(server, id),
      (seen) => seen.join() === '0,1,4,2,1',
      25_000,
    );
    expect(end).toEqual([0, 1, 4, 2, 1]);
    const versions = (await list()).printers.map((one) => one.firmware_version);
    expect(versions.filter((version) => version === '1.5.0')).toHaveLength(4);
  }, 40_000);

  it('are no more than 500', async () => {
    expectStatus(await add({ printers: 499 }), 201);
    const { status, body } = await add<ProblemBody>({ printers: 2 });
    expect([status, body.detail]).toEqual([
      409,
      expect.stringContaining('There are 499 of at most 500 virtual printers'),
    ]);
    expect((await list()).printers).toHaveLength(499);
    // While they are still connecting.
    expectStatus(await server.request('DELETE', PATH), 204);
    await eventually('none is connected', () => server.get(Connections).count === 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(server.get(Connections).count).toBe(0);
  });

  it.each([
    ['printers', {}, undefined],
    ['printers', { printers: 0 }, 0],
    ['printers', { printers: 501 }, 501],
    ['printers', { printers: '5' }, '5'],
    ['version', { printers: 1, version: 'new' }, 'new'],
    ['channel', { printers: 1, channel: 'nightly' }, 'nightly'],
    ['fail', { printers: 1, fail: 1.1 }, 1.1],
    ['decline', { printers: 1, decline: -0.1 }, -0.1],
    ['fail', { printers: 1, fail: 0.6, hang: 0.6 }, 0.6],
    ['count', { printers: 1, count: 2 }, 2],
  ])('are not added where %s is wrong: %j', async (field, body, value) => {
    const answer = await add<ProblemBody>(body);
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toEqual([{ field, value: value ?? null, message: expect.any(String) }]);
  });

  it('are for an admin to add and to remove, and for everybody with a key to see', async () => {
    const closed = await TestServer.start({ SIMULATOR: 'true' });
    const newKey = async (scopes: string[], headers = {}): Promise<Record<string, string>> => {
      const body = { name: scopes.join(' '), scopes };
      const answer = await closed.request<NewKeyResponse>('POST', '/api/keys', body, headers);
      return { authorization: `Bearer ${expectStatus(answer, 201).key}` };
    };
    const admin = await newKey(['admin']);
    const writer = await newKey(['rollouts:write'], admin);
    const ask = async (method: string, headers: Record<string, string>): Promise<number> =>
      (await closed.request(method, PATH, method === 'POST' ? { printers: 1 } : undefined, headers)).status;
    expect(await Promise.all(['GET', 'POST', 'DELETE'].map((method) => ask(method, writer)))).toEqual([
      200, 403, 403,
    ]);
    expect(await Promise.all(['GET', 'POST', 'DELETE'].map((method) => ask(method, {})))).toEqual([
      401, 401, 401,
    ]);
    expect(await ask('POST', admin)).toBe(201);
    await closed.stop();
  });

  it('end with the server, which does not wait for their updates', async () => {
    const short = await TestServer.start({ SIMULATOR: 'true' });
    await upload(short, '1.5.0');
    await short.request('POST', PATH, { printers: 100, hang: 1 });
    await eventually('all are online', () => short.get(Connections).count === 100);
    const { id } = await roll(short, '1.5.0');
    await eventually(
      'all are under way',
      () => counts(short, id),
      (seen) => seen[1] === 100,
    );
    await short.stop();
  });

  it('are said to be switched off if they are', async () => {
    const off = await TestServer.start();
    for (const [method, body] of [
      ['GET', undefined],
      ['POST', { printers: 1 }],
      ['POST', {}],
      ['DELETE', undefined],
    ] as const) {
      const answer = await off.request<ProblemBody>(method, PATH, body);
      expect([method, answer.status, answer.body.detail]).toEqual([
        method,
        404,
        expect.stringContaining('SIMULATOR=true'),
      ]);
    }
    await off.stop();
  });
});
