import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { Database } from '../src/database/database.js';
import type {
  RegistrationListResponse,
  RegistrationResponse,
} from '../src/printer/registration/registration.dto.js';
import { Board } from './support/board.js';
import { eventually } from './support/eventually.js';
import {
  binary,
  connected,
  counts,
  details,
  expectStatus,
  handled,
  printer,
  roll,
  rollout,
  upload,
} from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { LogLines } from './support/log-lines.js';
import { TestServer } from './support/server.js';
import { INSTANT } from '../src/database/sql.js';

describe('With REGISTRATION=approve, a new printer', () => {
  let server: TestServer;
  const boards: Board[] = [];

  beforeEach(async () => {
    server = await TestServer.start({ REGISTRATION: 'approve' });
  });
  afterEach(async () => {
    for (const board of boards.splice(0)) board.socket.terminate();
    await server.stop();
  });

  /** Connects and subscribes; resolves with the code of the answer. */
  async function subscribe(uuid: string, apiKey?: string): Promise<unknown> {
    const board = await Board.connect(server);
    boards.push(board);
    return board.subscribe(uuid, apiKey);
  }

  async function registrations(): Promise<RegistrationResponse[]> {
    return (await server.request<RegistrationListResponse>('GET', '/api/registrations')).body.registrations;
  }

  async function decide(uuid: string, status: string): Promise<number> {
    return (await server.request('PATCH', `/api/registrations/${uuid}`, { status })).status;
  }

  it('waits for an operator, counts for nothing and is sent nothing, and then is like any other', async () => {
    await upload(server, '1.5.0');
    const { id } = await roll(server, '1.5.0');
    const virtual = printer(server, { version: '1.4.0', reconnectMs: 20 });
    const { uuid } = virtual.options;
    expect(await subscribe(uuid)).toBe('approval_pending');
    expect(await subscribe(uuid)).toBe('approval_pending');
    expect(await registrations()).toMatchObject([
      { printer_id: uuid, status: 'pending', address: '127.0.0.1' },
    ]);
    expect((await server.request('GET', `/api/printers/${uuid}`)).status).toBe(404);
    expect((await rollout(server, id)).total_targets).toBe(0);

    expect(await decide(uuid, 'accepted')).toBe(200);
    virtual.start();
    await eventually('the update is completed', () => virtual.version === '1.5.0');
    expect(await registrations()).toEqual([]);
    await eventually(
      'it is counted',
      () => counts(server, id),
      (seen) => seen[2] === 1,
    );
    await virtual.stop();
  });

  it('is accepted with the api_key that it asked with, and no other', async () => {
    const uuid = randomUUID();
    expect(await subscribe(uuid, 'the-secret-of-the-printer')).toBe('approval_pending');
    expect((await registrations())[0]).toMatchObject({ has_key: true });
    expect(JSON.stringify(await registrations())).not.toContain('the-secret');
    await decide(uuid, 'accepted');
    expect(await subscribe(uuid, 'a-secret-of-somebody-else')).toBe('unauthorized');
    expect(await subscribe(uuid)).toBe('unauthorized');
    expect(await subscribe(uuid, 'the-secret-of-the-printer')).toBe('subscription_accepted');
  });

  it('stays out once it is rejected, and may ask again once that is forgotten', async () => {
    const uuid = randomUUID();
    await subscribe(uuid);
    await decide(uuid, 'rejected');
    expect(await subscribe(uuid)).toBe('registration_closed');
    expect((await server.request('DELETE', `/api/registrations/${uuid}`)).status).toBe(204);
    expect(await registrations()).toEqual([]);
    expect(await subscribe(uuid)).toBe('approval_pending');
  });

  it('that was accepted once is let in from then on', async () => {
    const uuid = randomUUID();
    await subscribe(uuid);
    await decide(uuid, 'accepted');
    expect(await subscribe(uuid)).toBe('subscription_accepted');
    expect(await subscribe(uuid)).toBe('subscription_accepted');
  });

  it.each([
    ['PATCH', '/api/registrations/x', { status: 'accepted' }, 400, 'printer_id'],
    ['PATCH', `/api/registrations/${randomUUID()}`, { status: 'yes' }, 400, 'status'],
    ['PATCH', `/api/registrations/${randomUUID()}`, { status: 'accepted' }, 404, 'Registration not found'],
    ['DELETE', `/api/registrations/${randomUUID()}`, undefined, 404, 'Registration not found'],
  ])('%s %s %j is answered with %i', async (method, path, body, status, words) => {
    const answer = await server.request<ProblemBody>(method, path, body);
    expect([answer.status, answer.body.detail]).toEqual([status, expect.stringContaining(words)]);
  });
});

describe('With REGISTRATION=approve, the list of those that wait', () => {
  let server: TestServer;
  const log = new LogLines();
  const boards: Board[] = [];

  beforeAll(async () => {
    server = await TestServer.start({ REGISTRATION: 'approve', UNLIMITED_ADDRESSES: 'none' }, log);
  });
  afterAll(async () => {
    for (const board of boards.splice(0)) board.socket.terminate();
    await server.stop();
  });

  /** As so many requests would have left them. */
  function fill(address: string, count: number, status = 'pending'): Promise<void> {
    return server.get(Database).write(async (tx) => {
      await tx.sql.run(
        `INSERT INTO registration (uuid, status, name, user_id, address, address_group, requested_at)
          WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
          SELECT substr(CAST(100000000 + (SELECT count(*) FROM registration) AS varchar), 2) || '-0000-4000-8000-'
            || substr(CAST(1000000000000 + n AS varchar), 2), CAST(? AS varchar), 'x', 'x', CAST(? AS varchar), CAST(? AS varchar),
            ${INSTANT} FROM number`,
        count,
        status,
        address,
        address,
        '2025-01-01 00:00:00.000',
      );
    });
  }

  async function ask(): Promise<string> {
    const uuid = randomUUID();
    const board = await Board.connect(server);
    boards.push(board);
    expect(await board.subscribe(uuid)).toBe('approval_pending');
    return uuid;
  }

  async function page(query = ''): Promise<RegistrationListResponse> {
    return expectStatus(
      await server.request<RegistrationListResponse>('GET', `/api/registrations${query}`),
      200,
    );
  }

  it('has pages, a total, and a filter by status', async () => {
    const uuids = [await ask(), await ask(), await ask()];
    await server.request('PATCH', `/api/registrations/${uuids[1]}`, { status: 'rejected' });
    const first = await page('?limit=2');
    expect(first).toMatchObject({ total: 3, next_cursor: expect.any(Number) });
    const second = await page(`?limit=2&cursor=${first.next_cursor}`);
    expect(second).toMatchObject({ total: 3, next_cursor: null });
    const listed = [...first.registrations, ...second.registrations].map((one) => one.printer_id);
    expect(listed).toEqual([...uuids].reverse());
    expect(await page('?status=rejected')).toMatchObject({
      total: 1,
      registrations: [{ printer_id: uuids[1] }],
    });
    for (const query of ['?limit=0', '?limit=1001', '?status=new', '?page=2', '?cursor=x'])
      expect((await server.request('GET', `/api/registrations${query}`)).status).toBe(400);
  });

  it('is never full because of one address, and says so once', async () => {
    await fill('127.0.0.1', 997);
    const before = (await page('?status=pending')).total;
    expect(before).toBe(999);
    const [one, two, three] = [await ask(), await ask(), await ask()];
    const { total, registrations } = await page('?status=pending');
    expect(total).toBe(1_000);
    expect(registrations.slice(0, 3).map((entry) => entry.printer_id)).toEqual([three, two, one]);
    await fill('192.0.2.7', 9_000);
    expect((await page('?status=pending')).total).toBe(10_000);
    await server.request('PATCH', `/api/registrations/${three}`, { status: 'accepted' });
    await server.request('PATCH', `/api/registrations/${two}`, { status: 'accepted' });
    await fill('192.0.2.8', 2);
    const late = await ask();
    expect(await page('?status=pending')).toMatchObject({ total: 10_000, registrations: expect.any(Array) });
    expect((await page('?limit=1')).registrations[0]!.printer_id).toBe(late);
    const full = log.of('Registration').filter((line) => line.includes('requests are deleted'));
    expect(full).toEqual([
      expect.stringContaining('1000 printers at 127.0.0.1'),
      expect.stringContaining('10000 printers await approval'),
    ]);
  });
});

describe('New printers of one address', () => {
  it.each(['open', 'approve'])(
    'are limited in a minute, and known ones are not (REGISTRATION=%s)',
    async (registration) => {
      const log = new LogLines();
      const settings = {
        REGISTRATION: registration,
        UNLIMITED_ADDRESSES: 'none',
        MAX_NEW_PRINTERS_PER_MINUTE: '3',
      };
      const server = await TestServer.start(settings, log);
      const uuids = Array.from({ length: 5 }, () => randomUUID());
      const codes: unknown[] = [];
      const ends: Board[] = [];
      for (const uuid of uuids) {
        const board = await Board.connect(server);
        codes.push(await board.subscribe(uuid));
        ends.push(board);
      }
      const first = registration === 'open' ? 'subscription_accepted' : 'approval_pending';
      expect(codes).toEqual([first, first, first, 'registration_limited', 'registration_limited']);
      await eventually('those too many are closed', () =>
        ends.slice(3).every(({ closeCode }) => closeCode === 1013),
      );
      expect(ends.slice(0, 3).every(({ closed }) => !closed)).toBe(true);
      expect(
        log.of('Registration').filter((line) => line.includes('MAX_NEW_PRINTERS_PER_MINUTE')),
      ).toHaveLength(1);
      // Those that are known come back as often as they like.
      for (let times = 0; times < 3; times++) {
        const board = await Board.connect(server);
        expect(await board.subscribe(uuids[0]!)).toBe(first);
        ends.push(board);
      }
      const local = await TestServer.start({ ...settings, UNLIMITED_ADDRESSES: '127.0.0.1' });
      for (let times = 0; times < 5; times++) {
        const board = await Board.connect(local);
        expect(await board.subscribe(randomUUID())).toBe(first);
        ends.push(board);
      }
      for (const board of ends) board.socket.terminate();
      await Promise.all([server.stop(), local.stop()]);
    },
  );

  it('whose versions are ever new leave no rows behind', async () => {
    const server = await TestServer.start();
    const boards = await Promise.all(Array.from({ length: 3 }, () => Board.connect(server)));
    const uuids = boards.map(() => randomUUID());
    for (let version = 0; version < 50; version++)
      await Promise.all(
        boards.map((board, index) =>
          board.subscribe(uuids[index]!, undefined, { firmware_version: `1.${version}.${index}` }),
        ),
      );
    const [rows] = await server
      .get(DataSource)
      .query<object[]>('SELECT count(*) AS kinds, sum(printers) AS printers FROM printer_count');
    expect(rows).toEqual({ kinds: 3, printers: 3 });
    for (const board of boards) board.socket.terminate();
    await server.stop();
  });
});

describe('A printer that is deleted', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start({ REGISTRATION: 'open' });
  });
  afterEach(() => server.stop());

  it('goes with its updates, and out of every counter', async () => {
    await upload(server, '1.5.0');
    await upload(server, '1.6.0', { channel: 'beta' }, binary());
    const done = await connected(server, { version: '1.4.0' });
    const failing = await connected(server, { version: '1.4.0', behaviour: 'fail' });
    const hanging = await connected(server, { version: '1.4.0', behaviour: 'hang' });
    const all = [done, failing, hanging];
    const { id } = await roll(server, '1.5.0');
    await eventually(
      'the updates',
      () => counts(server, id),
      (seen) => seen.join() === '0,1,1,1,0',
    );
    const pending = await roll(server, '1.6.0', { rollout_type: 'gradual', rollout_percentage: 0 });
    expect(await counts(server, pending.id)).toEqual([3, 0, 0, 0, 0]);
    const numbers = await Promise.all(all.map(async (one) => (await details(server, one.options.uuid)).id));
    // A subscribe that is still on its way would register the printer once more after its delete.
    await eventually('the first is back', () => done.version === '1.5.0' && done.subscribed);
    for (const one of all) {
      await handled(one);
      await one.stop();
    }

    const left = [
      ['0,1,0,1,0', '2,0,0,0,0'],
      ['0,1,0,0,0', '1,0,0,0,0'],
      ['0,0,0,0,0', '0,0,0,0,0'],
    ];
    for (const [index, one] of all.entries()) {
      expect((await server.request('DELETE', `/api/printers/${one.options.uuid}`)).status).toBe(204);
      expect((await server.request('GET', `/api/printers/${numbers[index]}`)).status).toBe(404);
      expect((await server.request('DELETE', `/api/printers/${numbers[index]}`)).status).toBe(404);
      expect([(await counts(server, id)).join(), (await counts(server, pending.id)).join()]).toEqual(
        left[index],
      );
    }
    const [rows] = await server
      .get(DataSource)
      .query<Array<Record<string, number>>>(
        'SELECT (SELECT count(*) FROM printer_update) AS updates, (SELECT count(*) FROM printer_count) AS kinds',
      );
    expect(rows).toEqual({ updates: 0, kinds: 0 });
    const audit = await server.request<{ entries: unknown[] }>('GET', '/api/audit?action=printer.delete');
    expect(audit.body.entries).toHaveLength(3);
  });

  it('that was the last one pending completes the rollout', async () => {
    await upload(server, '1.5.0');
    const done = await connected(server, { version: '1.4.0' });
    const away = await connected(server, { version: '1.4.0' });
    await away.stop();
    const { id } = await roll(server, '1.5.0');
    await eventually(
      'one update',
      () => counts(server, id),
      (seen) => seen.join() === '1,0,1,0,0',
    );
    expect((await rollout(server, id)).status).toBe('active');
    expectStatus(await server.request('DELETE', `/api/printers/${away.options.uuid}`), 204);
    expect((await rollout(server, id)).status).toBe('completed');
    await done.stop();
  });

  it('is cut off, and registers itself as a new one when it reconnects', async () => {
    const virtual = await connected(server, { reconnectMs: 20 });
    const before = await details(server, virtual.options.uuid);
    expectStatus(await server.request('DELETE', `/api/printers/${before.id}`), 204);
    const after = await eventually(
      'it is back',
      () => server.request<{ id: number; online: boolean }>('GET', `/api/printers/${virtual.options.uuid}`),
      (answer) => answer.status === 200 && answer.body.online,
    );
    expect(after.body.id).toBeGreaterThan(before.id);
    await virtual.stop();
  });
});
