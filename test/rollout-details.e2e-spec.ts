import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '../src/database/database.js';
import type { DecisionResponse } from '../src/rollout/http/dto/printer-decision.dto.js';
import type {
  FailuresResponse,
  RolloutUpdateListResponse,
  TimelineResponse,
} from '../src/rollout/http/dto/rollout-details.dto.js';
import type {
  ChangePreviewResponse,
  RolloutPreviewResponse,
} from '../src/rollout/http/dto/rollout-preview.dto.js';
import { RolloutSamples } from '../src/rollout/store/rollout-samples.js';
import type { VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import { connected, counts, expectStatus, offline, patch, roll, upload } from './support/factories.js';
import { TestServer } from './support/server.js';
import { itOnSqlite } from './support/test-database.js';

// Their buckets are 94, 25 and 65 (printer protocol, "Test vectors for the gradual bucket").
const AT_94 = '770e8400-e29b-41d4-a716-446655440000';
const AT_25 = '880e8400-e29b-41d4-a716-446655440001';
const AT_65 = '550e8400-e29b-41d4-a716-446655440000';
const EVERYBODY = { firmware_version: '1.5.0', target: { all: true }, rollout_type: 'immediate' };

let server: TestServer;

beforeEach(async () => {
  server = await TestServer.start();
  await upload(server, '1.5.0');
});
afterEach(() => server.stop());

function add(options: Parameters<typeof connected>[1] = {}): Promise<VirtualPrinter> {
  return connected(server, { behaviour: 'hang', ...options });
}

async function preview(body: object): Promise<RolloutPreviewResponse> {
  const answer = await server.request<RolloutPreviewResponse>('POST', '/api/rollouts/preview', {
    ...EVERYBODY,
    ...body,
  });
  return expectStatus(answer, 200);
}

async function get<T>(path: string): Promise<T> {
  return expectStatus(await server.request<T>('GET', path), 200);
}

async function updates(id: number, query: string): Promise<RolloutUpdateListResponse> {
  return get<RolloutUpdateListResponse>(`/api/rollouts/${id}/updates?${query}`);
}

describe('The preview of a rollout', () => {
  it('says who is reached now, who waits and who is left out, and why', async () => {
    await add({ uuid: AT_25 });
    await add({ uuid: AT_94 });
    await offline(server, { uuid: AT_65, version: '1.3.0' });
    await add({ version: '1.5.0' });
    await add({ channel: 'beta' });
    const gradual = { rollout_type: 'gradual', rollout_percentage: 50, target: { channels: ['stable'] } };
    expect(await preview(gradual)).toEqual({
      firmware_version: '1.5.0',
      printers: 5,
      matching: 3,
      due: 1,
      now: 1,
      by_version: [
        { version: '1.4.0', matching: 2, now: 1 },
        { version: '1.3.0', matching: 1, now: 0 },
      ],
      left_out: [
        {
          reason: 'not_targeted',
          description: 'The target names other users, printers or channels.',
          printers: 1,
        },
        { reason: 'up_to_date', description: expect.any(String), printers: 1 },
      ],
      waiting: [
        { reason: 'not_in_percentage', description: expect.any(String), printers: 1 },
        { reason: 'offline', description: expect.any(String), printers: 1 },
      ],
      warnings: [],
    });
  });

  it('counts the users and the printers that are listed', async () => {
    const [one] = [await add(), await add()];
    for (const target of [{ user_ids: [one.options.userId] }, { printer_ids: [one.options.uuid, AT_65] }])
      expect(await preview({ target })).toMatchObject({
        printers: 2,
        matching: 1,
        now: 1,
        left_out: [{ reason: 'not_targeted', printers: 1 }],
        waiting: [],
      });
  });

  it('lets everybody wait for a time that has not come', async () => {
    await add();
    await offline(server);
    const scheduled = { rollout_type: 'scheduled', scheduled_for: '2200-01-01T00:00:00Z' };
    expect(await preview(scheduled)).toMatchObject({
      matching: 2,
      now: 0,
      waiting: [{ reason: 'not_yet_scheduled', printers: 2 }],
    });
  });

  it('says that printers are busy with another rollout', async () => {
    const one = await add();
    await upload(server, '1.6.0');
    await roll(server, '1.5.0');
    await eventually('the update', () => one.orders.length === 1);
    expect(await preview({ firmware_version: '1.6.0' })).toMatchObject({
      matching: 1,
      now: 0,
      waiting: [{ reason: 'already_in_progress', printers: 1 }],
    });
  });

  it('knows that a rollback moves the printers of a rollout that was cancelled', async () => {
    const one = await add({ behaviour: 'update' });
    await upload(server, '1.4.0');
    const { id } = await roll(server, '1.5.0');
    await eventually('it has the update', () => one.version === '1.5.0' && one.subscribed);
    const back = { firmware_version: '1.4.0' };
    expect(await preview(back)).toMatchObject({
      matching: 0,
      left_out: [{ reason: 'downgrade_not_allowed', printers: 1 }],
    });
    await patch(server, id, { status: 'cancelled' });
    expect(await preview(back)).toMatchObject({ matching: 1, now: 1, left_out: [] });
  });

  it('refuses what creating it refuses', async () => {
    for (const [body, status] of [
      [{ ...EVERYBODY, firmware_version: '9.0.0' }, 404],
      [{ ...EVERYBODY, target: {} }, 400],
      [{ ...EVERYBODY, colour: 'red' }, 400],
    ] as const) {
      const previewed = await server.request('POST', '/api/rollouts/preview', body);
      expect(previewed.status).toBe(status);
      expect(previewed.body).toEqual((await server.request('POST', '/api/rollouts', body)).body);
    }
    await server.request('PATCH', '/api/firmware/1.5.0', { deprecated: true });
    expect((await server.request('POST', '/api/rollouts/preview', EVERYBODY)).status).toBe(409);
  });

  it('writes nothing', async () => {
    await add();
    await preview({});
    expect((await server.request('GET', '/api/rollouts')).body).toMatchObject({ rollouts: [] });
    const rows = `SELECT (SELECT count(*) FROM printer_update) + (SELECT count(*) FROM audit_entry WHERE action LIKE 'rollout%')`;
    expect(await server.get(Database).committed.count(rows)).toBe(0);
  });
});

describe('The preview of a change', () => {
  async function ofChange(id: number, body: object): Promise<ChangePreviewResponse> {
    const answer = await server.request<ChangePreviewResponse>('POST', `/api/rollouts/${id}/preview`, body);
    return expectStatus(answer, 200);
  }

  it('says how many more a higher percentage reaches at once', async () => {
    const [early] = [await add({ uuid: AT_25 }), await add({ uuid: AT_65 }), await add({ uuid: AT_94 })];
    const { id } = await roll(server, '1.5.0', { rollout_type: 'gradual', rollout_percentage: 30 });
    await eventually('the first update', () => early.orders.length === 1);
    expect(await ofChange(id, { rollout_percentage: 70 })).toEqual({
      now: 1,
      in_progress: 1,
      pending: 2,
      due: 1,
      waiting: [],
    });
    expect(await ofChange(id, { rollout_percentage: 100 })).toEqual({
      now: 2,
      in_progress: 1,
      pending: 2,
      due: 2,
      waiting: [],
    });
    expect(await ofChange(id, { rollout_percentage: 10 })).toEqual({
      now: 0,
      in_progress: 1,
      pending: 2,
      due: 0,
      waiting: [],
    });
    expect(await counts(server, id)).toEqual([2, 1, 0, 0, 0]);
  });

  it('says why targets within the percentage are sent nothing now', async () => {
    await add({ uuid: AT_25, autoUpdate: false });
    await offline(server, { uuid: AT_65 });
    await add({ uuid: AT_94 });
    const { id } = await roll(server, '1.5.0', { rollout_type: 'gradual', rollout_percentage: 0 });
    const declines = { reason: 'auto_update_off', description: expect.any(String), printers: 1 };
    const isOffline = { reason: 'offline', description: expect.any(String), printers: 1 };
    expect(await ofChange(id, { rollout_percentage: 30 })).toEqual({
      now: 0,
      in_progress: 0,
      pending: 3,
      due: 1,
      waiting: [declines],
    });
    expect(await ofChange(id, { rollout_percentage: 100 })).toMatchObject({
      now: 1,
      due: 3,
      waiting: [declines, isOffline],
    });
    await patch(server, id, { rollout_percentage: 100 });
    await eventually(
      'what was said has happened',
      async () => (await counts(server, id)).join() === '1,1,0,0,1',
    );
    // A printer that has declined is not pending any more.
    expect(await ofChange(id, { rollout_percentage: 50 })).toMatchObject({ now: 0, due: 0, waiting: [] });
  });

  it('counts what a pause has held back', async () => {
    const one = await add({ reconnectMs: 20 });
    const { id } = await roll(server, '1.5.0');
    await eventually('the update', () => one.orders.length === 1);
    await patch(server, id, { status: 'paused' });
    await one.close();
    await eventually('it is back', () => one.subscribed);
    expect(await ofChange(id, { status: 'active' })).toEqual({
      now: 1,
      in_progress: 1,
      pending: 0,
      due: 0,
      waiting: [],
    });
    await patch(server, id, { status: 'active' });
    await eventually('the update again', () => one.orders.length === 2);
  });

  it('refuses what making it refuses', async () => {
    const { id } = await roll(server, '1.5.0');
    for (const body of [
      { rollout_percentage: 50 },
      { status: 'completed' },
      {},
      { rollout_percentage: 101 },
    ]) {
      const previewed = await server.request('POST', `/api/rollouts/${id}/preview`, body);
      expect(previewed.status).toBeGreaterThanOrEqual(400);
      expect(previewed.body).toEqual((await server.request('PATCH', `/api/rollouts/${id}`, body)).body);
    }
    expect((await server.request('POST', '/api/rollouts/99/preview', { status: 'paused' })).status).toBe(404);
  });
});

describe('The decision for a printer', () => {
  const decision = (key: number | string): Promise<DecisionResponse> =>
    get<DecisionResponse>(`/api/printers/${key}/decision`);

  it('names the reason, rollout by rollout', async () => {
    await add({ uuid: AT_94 });
    const { id } = await roll(server, '1.5.0', { rollout_type: 'gradual', rollout_percentage: 10 });
    const reason = { reason: 'not_in_percentage', description: expect.stringContaining('bucket') };
    expect(await decision(AT_94)).toEqual({
      printer_id: AT_94,
      firmware_version: '1.4.0',
      online: true,
      blocked: false,
      send: false,
      rollout_id: id,
      target_version: null,
      ...reason,
      bucket: 94,
      rollouts: [
        {
          rollout_id: id,
          firmware_version: '1.5.0',
          status: 'active',
          rollout_percentage: 10,
          due: false,
          ...reason,
        },
      ],
    });
  });

  it('is the update that waits for a printer that is gone, unless it is blocked', async () => {
    const { uuid } = (await offline(server)).options;
    const { id } = await roll(server, '1.5.0');
    expect(await decision(uuid)).toMatchObject({
      online: false,
      send: true,
      rollout_id: id,
      target_version: '1.5.0',
      reason: null,
      rollouts: [{ rollout_id: id, due: true, reason: null, description: null }],
    });
    await server.request('PATCH', `/api/printers/${uuid}`, { blocked: true });
    expect(await decision(uuid)).toMatchObject({ blocked: true, send: false, reason: 'blocked' });
    expect((await server.request('GET', '/api/printers/99/decision')).status).toBe(404);
  });
});

describe('The updates of a rollout', () => {
  it('are listed by their status, page by page, with those that wait', async () => {
    const failing = [await add({ behaviour: 'fail' }), await add({ behaviour: 'fail' })];
    const hanging = await add({ name: 'Hangs' });
    const away = [await offline(server), await offline(server, { name: 'Away' })];
    const { id } = await roll(server, '1.5.0');
    await eventually('two have failed', async () => (await counts(server, id))[3] === 2);
    await eventually('one hangs', () => hanging.orders.length === 1);

    const first = await updates(id, 'status=failed&limit=1');
    expect(first).toMatchObject({ total: 2, next_cursor: first.updates[0]!.printer.id });
    const second = await updates(id, `status=failed&limit=1&cursor=${first.next_cursor}`);
    expect(second).toMatchObject({ total: 2, next_cursor: null });
    expect([...first.updates, ...second.updates].map((one) => one.printer.uuid)).toEqual(
      failing.map((one) => one.options.uuid),
    );
    expect(first.updates[0]).toMatchObject({
      id: expect.any(Number),
      status: 'failed',
      error_message: 'Update failed: not enough space',
      attempts: 1,
    });
    expect(await updates(id, 'status=in_progress')).toMatchObject({
      total: 1,
      updates: [{ printer: { name: 'Hangs', online: true }, status: 'in_progress', completed_at: null }],
    });
    const pending = await updates(id, 'status=pending');
    expect(pending).toMatchObject({ total: 2, next_cursor: null });
    expect(pending.updates.map((one) => one.printer.uuid)).toEqual(away.map((one) => one.options.uuid));
    expect(pending.updates[1]).toEqual({
      id: null,
      printer: { id: 5, uuid: away[1]!.options.uuid, name: 'Away', online: false },
      status: 'pending',
      error_message: null,
      started_at: null,
      completed_at: null,
      last_percent: null,
      last_status_message: null,
      attempts: 0,
    });
    expect(await updates(id, 'status=completed')).toEqual({ updates: [], total: 0, next_cursor: null });
  });

  it.each(['all', 'users', 'printers', 'channels'])(
    'that wait are found by what the target names: %s',
    async (by) => {
      const [one, two] = [await offline(server), await offline(server)];
      await offline(server, { channel: 'beta' });
      const target = {
        all: { all: true, channels: ['stable'] },
        users: { user_ids: [two.options.userId, one.options.userId] },
        printers: { printer_ids: [two.options.uuid, AT_94, one.options.uuid] },
        channels: { channels: ['stable', 'canary'] },
      }[by]!;
      const { id } = await roll(server, '1.5.0', { target });
      const first = await updates(id, 'status=pending&limit=1');
      expect(first).toMatchObject({ total: 2, next_cursor: 1, updates: [{ printer: { id: 1 } }] });
      expect(await updates(id, 'status=pending&limit=1&cursor=1')).toMatchObject({
        next_cursor: null,
        updates: [{ printer: { id: 2 } }],
      });
    },
  );

  it('that failed are grouped by their message, without those that a retry sends again', async () => {
    const failing = [await add({ behaviour: 'fail' }), await add({ behaviour: 'fail', name: 'Second' })];
    const { id } = await roll(server, '1.5.0');
    await eventually('both have failed', async () => (await counts(server, id))[3] === 2);
    const path = `/api/rollouts/${id}/failures`;
    expect(await get<FailuresResponse>(path)).toEqual({
      total: 2,
      failures: [
        {
          message: 'Update failed: not enough space',
          count: 2,
          printers: [
            { id: 1, uuid: failing[0]!.options.uuid, name: 'Front Desk' },
            { id: 2, uuid: failing[1]!.options.uuid, name: 'Second' },
          ],
        },
      ],
    });
    for (const one of failing) one.behaviour = 'hang';
    await server.request('POST', `/api/rollouts/${id}/retry`);
    expect(await get<FailuresResponse>(path)).toEqual({ total: 0, failures: [] });
    expect((await server.request('GET', '/api/rollouts/99/failures')).status).toBe(404);
  });
});

describe('The timeline of a rollout', () => {
  const timeline = async (id: number): Promise<TimelineResponse['points']> =>
    (await get<TimelineResponse>(`/api/rollouts/${id}/timeline`)).points;

  it('goes from its creation to now, with a point wherever something has changed', async () => {
    const one = await add();
    const { id, created_at } = await roll(server, '1.5.0');
    await eventually('the update', () => one.orders.length === 1);
    const samples = server.get(RolloutSamples);
    for (const status of ['active', 'active', 'paused']) {
      await patch(server, id, { status });
      server.clock.advance(10_000);
      await samples.take(server.clock.now());
    }
    const points = await timeline(id);
    expect(points[0]).toEqual({
      at: created_at,
      status: 'active',
      pending: 1,
      in_progress: 0,
      completed: 0,
      failed: 0,
      declined: 0,
    });
    expect(points.slice(1).map(({ status, pending, in_progress }) => [status, pending, in_progress])).toEqual(
      [
        ['active', 0, 1],
        ['paused', 0, 1],
        ['paused', 0, 1],
      ],
    );
  });

  it('of an old rollout has fewer points', async () => {
    const { id } = await roll(server, '1.5.0');
    const samples = server.get(RolloutSamples);
    server.clock.advance(3_000_000);
    for (const status of ['paused', 'active', 'cancelled']) {
      await patch(server, id, { status });
      server.clock.advance(6_000);
      await samples.take(server.clock.now());
    }
    // Its age allows one in ten seconds.
    expect((await timeline(id)).map(({ status }) => status)).toEqual([
      'active',
      'paused',
      'cancelled',
      'cancelled',
    ]);
  });

  it('goes with the rollout', async () => {
    const { id } = await roll(server, '1.5.0');
    await server.request('DELETE', `/api/rollouts/${id}`);
    expect((await server.request('GET', `/api/rollouts/${id}/timeline`)).status).toBe(404);
    expect(await server.get(Database).committed.count('SELECT count(*) FROM rollout_sample')).toBe(0);
  });
});

describe('A scan of the database', () => {
  it('stays what it was, whatever is committed meanwhile', async () => {
    const { id } = await roll(server, '1.5.0');
    const seen = await server.get(Database).scan(async (sql) => {
      const rows = (): Promise<number> => sql.count('SELECT count(*) FROM rollout');
      const first = await rows();
      await server.get(Database).write((tx) => tx.sql.run('DELETE FROM rollout WHERE id = ?', id));
      await nextTurn();
      return [first, await rows()];
    });
    expect(seen).toEqual([1, 1]);
    const after = await server.get(Database).scan((sql) => sql.count('SELECT count(*) FROM rollout'));
    expect(after).toBe(0);
  });

  it('is refused if a hundred others wait for theirs', async () => {
    const look = (): Promise<number> =>
      server.get(Database).scan((sql) => sql.count('SELECT count(*) FROM printer'));
    const looks = await Promise.allSettled(Array.from({ length: 120 }, look));
    expect(looks.filter(({ status }) => status === 'fulfilled')).toHaveLength(100);
    expect(looks.at(-1)).toMatchObject({
      reason: { message: expect.stringMatching(/^Too many fleet-wide queries/) },
    });
    expect(await look()).toBe(0);
  });

  itOnSqlite('is waited for by a stop, but not those that wait behind it', async () => {
    const stopping = await TestServer.start();
    const database = stopping.get(Database);
    let goOn: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    const first = database.scan(async (sql) => {
      const before = await sql.count('SELECT count(*) FROM rollout');
      await gate;
      return before + (await sql.count('SELECT count(*) FROM rollout'));
    });
    const second = expect(database.scan(() => Promise.resolve(1))).rejects.toThrow('is stopping');
    const stopped = stopping.stop();
    setTimeout(() => goOn(), 100);
    expect(await first).toBe(0);
    await second;
    await stopped;
  });
});
