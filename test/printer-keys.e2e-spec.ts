import { randomUUID } from 'node:crypto';
import { copyFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { Board } from './support/board.js';
import { eventually } from './support/eventually.js';
import { details, printer, roll, rollout, upload } from './support/factories.js';
import { TestServer } from './support/server.js';
import { itOnSqlite } from './support/test-database.js';

describe('A printer', () => {
  const servers: TestServer[] = [];
  const boards: Board[] = [];

  afterEach(async () => {
    for (const board of boards.splice(0)) board.socket.terminate();
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  async function start(settings: Record<string, string> = {}): Promise<TestServer> {
    const server = await TestServer.start(settings);
    servers.push(server);
    return server;
  }

  async function open(server: TestServer, origin?: string): Promise<Board> {
    const board = await Board.connect(server, origin);
    boards.push(board);
    return board;
  }

  it('is bound to the api_key that it comes with first, and refused with another or none', async () => {
    const server = await start();
    const uuid = randomUUID();
    expect(await (await open(server)).subscribe(uuid, 'secret')).toBe('subscription_accepted');
    for (const key of ['other', '', undefined])
      expect([key, await (await open(server)).subscribe(uuid, key)]).toEqual([key, 'unauthorized']);
    // Without printer_id, the api_key is the UUID itself, and no secret.
    const firstGeneration = { printer_id: undefined };
    expect(await (await open(server)).subscribe(uuid, uuid, firstGeneration)).toBe('unauthorized');
    expect(await (await open(server)).subscribe(uuid, 'secret')).toBe('subscription_accepted');
    const rows = await server.get(DataSource).query<object[]>('SELECT * FROM printer');
    expect(JSON.stringify(rows)).not.toContain('"secret"');
    expect(await server.request<string>('GET', '/metrics').then((answer) => answer.body)).toContain(
      'paperminder_subscribes_refused_total{code="unauthorized"} 4',
    );
  });

  it('may come without a key, and bind one later', async () => {
    const server = await start();
    const uuid = randomUUID();
    expect(await (await open(server)).subscribe(uuid)).toBe('subscription_accepted');
    expect(await details(server, uuid)).toMatchObject({ has_key: false });
    expect(await (await open(server)).subscribe(uuid, 'secret')).toBe('subscription_accepted');
    expect(await details(server, uuid)).toMatchObject({ has_key: true });
    expect(await (await open(server)).subscribe(uuid)).toBe('unauthorized');
  });

  it('is not cut off by one who may not speak for it, and gets its update', async () => {
    const server = await start();
    const uuid = randomUUID();
    await upload(server, '1.5.0');
    const mine = await open(server);
    await mine.subscribe(uuid, 'secret');
    const thief = await open(server);
    expect(await thief.subscribe(uuid, 'guess', { firmware_version: '1.5.0' })).toBe('unauthorized');
    const { id } = await roll(server, '1.5.0');
    await eventually('the update', () => mine.received.at(-1)?.kind === 'firmware_update');
    expect(thief.received.some((message) => message.kind === 'firmware_update')).toBe(false);
    // It cannot report for it either.
    thief.socket.send(JSON.stringify({ kind: 'firmware_complete', version: '1.5.0' }));
    await eventually('the refusal', () => thief.received.at(-1)?.code === 'validation_error');
    expect(await rollout(server, id)).toMatchObject({ in_progress_count: 1, completed_count: 0 });
    expect(await details(server, uuid)).toMatchObject({ firmware_version: '1.4.0', online: true });
    expect(mine.closed).toBe(false);
  });

  it('loses its standing if it subscribes again with another key', async () => {
    const server = await start();
    const uuid = randomUUID();
    const board = await open(server);
    await board.subscribe(uuid, 'secret');
    expect(await board.subscribe(uuid, 'other')).toBe('unauthorized');
    expect(await details(server, uuid)).toMatchObject({ online: false });
  });

  it('may come with another key once an operator has reset it', async () => {
    const server = await start();
    const uuid = randomUUID();
    const board = await open(server);
    await board.subscribe(uuid, 'secret');
    const answer = await server.request('PATCH', `/api/printers/${uuid}`, { reset_key: true });
    expect([answer.status, answer.body]).toEqual([200, expect.objectContaining({ has_key: false })]);
    await eventually('its connection is closed', () => board.closed);
    expect(await (await open(server)).subscribe(uuid, 'new')).toBe('subscription_accepted');
    expect(await (await open(server)).subscribe(uuid, 'secret')).toBe('unauthorized');
  });

  it('that is blocked gets nothing and reports nothing, until it is let in again', async () => {
    const server = await start();
    await upload(server, '1.5.0');
    const one = printer(server).start();
    await eventually('it has subscribed', () => one.subscribed);
    const { uuid } = one.options;
    expect((await server.request('PATCH', `/api/printers/${uuid}`, { blocked: true })).status).toBe(200);
    await eventually('it is told so', () => one.received.some((message) => message.code === 'blocked'));
    expect(await details(server, uuid)).toMatchObject({ blocked: true, online: false });
    const { id } = await roll(server, '1.5.0');
    // Its socket is closed before it can report anything.
    const board = await Board.connect(server);
    expect(await board.subscribe(uuid)).toBe('blocked');
    await eventually('it is closed', () => board.closed);
    expect(await rollout(server, id)).toMatchObject({ total_targets: 0 });
    expect((await server.request('PATCH', `/api/printers/${uuid}`, { blocked: false })).status).toBe(200);
    await eventually('it is updated', async () => (await rollout(server, id)).completed_count === 1);
    await one.stop();
  });

  it.each([{}, { blocked: 'yes' }, { blocked: null, reset_key: null }, { name: 'x' }])(
    'is not changed by %j',
    async (body) => {
      const server = await start();
      expect((await server.request('PATCH', '/api/printers/1', body)).status).toBe(400);
    },
  );

  it('needs a key if REQUIRE_PRINTER_KEY says so', async () => {
    const server = await start({ REQUIRE_PRINTER_KEY: 'true' });
    expect(await (await open(server)).subscribe(randomUUID())).toBe('unauthorized');
    expect(await (await open(server)).subscribe(randomUUID(), 'secret')).toBe('subscription_accepted');
  });

  itOnSqlite('that is new is refused if REGISTRATION=closed, and one that is known is not', async () => {
    const server = await start();
    const uuid = randomUUID();
    await (await open(server)).subscribe(uuid, 'secret');
    // One server at a time has a database.
    const copy = `${server.folder}/copy.db`;
    await server.restart(() => copyFile(`${server.folder}/paperminder.db`, copy));
    const closed = await start({ REGISTRATION: 'closed', DATABASE_URL: `sqlite:///${copy}` });
    const stranger = randomUUID();
    expect(await (await open(closed)).subscribe(stranger, 'x')).toBe('registration_closed');
    expect((await closed.request('GET', `/api/printers/${stranger}`)).status).toBe(404);
    expect(await (await open(closed)).subscribe(uuid, 'secret')).toBe('subscription_accepted');
  });

  it('is no page of a browser, unless its origin is allowed', async () => {
    const server = await start({ CORS_ALLOWED_ORIGINS: 'https://console.example' });
    for (const [origin, isIn] of [
      ['https://evil.example', false],
      ['null', false],
      ['https://console.example', true],
      ['file://', true],
      [undefined, true],
    ] as const)
      expect([origin, (await open(server, origin)).closed]).toEqual([origin, !isIn]);
  });
});
