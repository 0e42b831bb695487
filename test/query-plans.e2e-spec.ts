import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import { addTextContains } from '../src/database/sqlite/text-contains.js';
import { WorkerConnection } from '../src/database/sqlite/worker-connection.js';
import { UpdateLimits } from '../src/rollout/updates/update-limits.js';
import { EventReader } from './support/event-reader.js';
import { eventually } from './support/eventually.js';
import { connected, roll, upload } from './support/factories.js';
import { TestServer } from './support/server.js';

// Tables that grow with the fleet. `printer_count` grows with the kinds of printers, rollouts and firmware with what operators do.
const LARGE = ['printer', 'printer_update'];

/**
 * Every statement that the server prepares while it does all that it does, by its plan: a scan of a large table would be paid on
 * every message of a printer, or on every look of an operator.
 */
describe('No statement of a hot path', () => {
  let server: TestServer;
  const prepare = jest.spyOn(SqliteDatabase.prototype, 'prepare');
  const sent = (['run', 'rows', 'first', 'values', 'count'] as const).map((method) =>
    jest.spyOn(WorkerConnection.prototype, method),
  );
  const statements = (): string[] => [
    ...new Set([prepare, ...sent].flatMap(({ mock }) => mock.calls.map(([sql]) => sql))),
  ];

  beforeAll(async () => {
    server = await TestServer.start();
    // Migrations may look at every row: from here on the schema is as it should be.
    await server.restart(() => {
      for (const spy of [prepare, ...sent]) spy.mockClear();
    });
    for (const version of ['1.4.0', '1.5.0', '1.6.0']) await upload(server, version);
    const fleet = await Promise.all([
      connected(server),
      connected(server, { platform: 'esp32' }),
      connected(server, { behaviour: 'fail' }),
      connected(server, { behaviour: 'decline' }),
      connected(server, { behaviour: 'hang' }),
    ]);
    const [one] = fleet;
    const { id } = await roll(server, '1.5.0');
    const list = { printer_ids: fleet.map((board) => board.options.uuid) };
    await roll(server, '1.6.0', { target: list, rollout_type: 'gradual', rollout_percentage: 0 });
    const users = { user_ids: fleet.map((board) => board.options.userId) };
    await roll(server, '1.6.0', { target: users, rollout_type: 'gradual', rollout_percentage: 0 });
    const channels = { channels: ['beta'] };
    await roll(server, '1.6.0', { target: channels, rollout_type: 'gradual', rollout_percentage: 0 });
    await eventually('an update has come through', () => one.version === '1.5.0' && one.subscribed);
    await server.request('POST', `/api/rollouts/${id}/retry`);
    for (const board of fleet.slice(2, 5)) {
      const path = `/api/printers/${board.options.uuid}/updates`;
      const { body } = await server.request<{ updates: Array<{ id: number }> }>('GET', path);
      for (const action of ['abort', 'retry'])
        await server.request('POST', `${path}/${body.updates[0]?.id}/${action}`);
    }
    await server.request('PATCH', `/api/rollouts/${id}`, { status: 'paused' });
    await server.request('PATCH', `/api/rollouts/${id}`, { status: 'active' });
    const { uuid, userId } = one.options;
    const watching = await EventReader.open(server);
    for (const path of [
      '/api/rollouts',
      `/api/rollouts/${id}`,
      '/api/printers',
      '/api/printers?channel=stable&firmware_version=1.5.0&limit=100',
      '/api/printers?channel=stable&limit=100',
      '/api/printers?firmware_version=1.5.0&cursor=1',
      `/api/printers?user_id=${userId}`,
      `/api/printers?user_id=${userId}&channel=stable&online=true`,
      '/api/printers?online=false&channel=beta',
      '/api/printers?sort=name&limit=1',
      '/api/printers?sort=name&order=desc&limit=2&channel=stable',
      '/api/printers?sort=firmware_version&limit=1',
      '/api/printers?sort=firmware_version&order=desc&channel=stable&blocked=false&limit=1',
      '/api/printers?order=desc&auto_update=false',
      '/api/printers?blocked=true&sort=name',
      '/api/printers?problems=true&sort=name',
      '/api/printers?problems=false&firmware_version=unknown',
      '/api/printers?auto_update=true&platform=esp32&limit=1',
      '/api/printers?search=front',
      '/api/printers?search=r%C3%BCck&platform=esp32',
      '/api/printers?failed=true',
      '/api/printers?failed=false&sort=name',
      '/api/printers?behind=true&online=true',
      '/api/printers?behind=true&channel=stable',
      '/api/printers?search=1&sort=id',
      `/api/printers?search=${uuid}&online=false`,
      `/api/printers?search=${uuid.slice(0, 8)}&online=true&sort=firmware_version`,
      '/api/printers/1',
      `/api/printers/${uuid}`,
      `/api/printers/${uuid}/updates`,
      '/api/summary',
      '/api/fleet/history',
      `/api/printers/${uuid}/decision`,
      ...['in_progress', 'completed', 'failed', 'declined', 'pending'].map(
        (status) => `/api/rollouts/${id}/updates?status=${status}`,
      ),
      ...[2, 3, 4].map((other) => `/api/rollouts/${other}/updates?status=pending`),
      `/api/rollouts/${id}/failures`,
      `/api/rollouts/${id}/timeline`,
      '/metrics',
    ])
      expect((await server.request('GET', path)).status).toBe(200);
    for (const target of [{ channels: ['stable'] }, list, users]) {
      const wanted = { firmware_version: '1.6.0', target, rollout_type: 'immediate' };
      expect((await server.request('POST', '/api/rollouts/preview', wanted)).status).toBe(200);
    }
    const wider = { rollout_percentage: 50 };
    expect((await server.request('POST', '/api/rollouts/2/preview', wider)).status).toBe(200);
    server.clock.advance(31 * 60_000);
    await server.get(UpdateLimits).check();
    for (const path of ['/api/firmware/1.5.0/rollback/preview', '/api/firmware/1.5.0/rollback'])
      expect((await server.request('POST', path, { to: '1.4.0' })).status).toBeLessThan(300);
    expect((await server.request('GET', '/api/firmware/1.5.0/rollback')).status).toBe(200);
    await server.request('DELETE', `/api/rollouts/${id}`);
    await eventually('the watcher is told of the delete', () =>
      watching.of('rollouts').some(({ removed }) => (removed as number[]).includes(id)),
    );
    watching.close();
    await Promise.all(fleet.map((board) => board.stop()));
  }, 60_000);
  afterAll(async () => {
    prepare.mockRestore();
    await server.stop();
  });

  it('scans a table that grows with the fleet', () => {
    const database = new SqliteDatabase(`${server.folder}/paperminder.db`, { readonly: true });
    addTextContains(database);
    const queries = statements().filter(
      (sql) => /^\s*(?:SELECT|UPDATE|DELETE|WITH)/i.test(sql) && sql.includes('printer'),
    );
    expect(queries.length).toBeGreaterThan(30);
    const scans = queries.flatMap((sql) => {
      const places = Array.from({ length: sql.split('?').length - 1 }, () => null);
      const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...places) as Array<{ detail: string }>;
      return plan
        .filter(({ detail }) => LARGE.some((table) => new RegExp(`^SCAN (?:${table}|u|p)\\b`).test(detail)))
        .map(({ detail }) => `${detail}: ${sql}`);
    });
    // A page of all printers is read along the table itself, from its cursor: SEARCH by number, and no SCAN.
    expect(scans).toEqual([]);
    database.close();
  });

  it('sorts more rows than it answers with', () => {
    const database = new SqliteDatabase(`${server.folder}/paperminder.db`, { readonly: true });
    addTextContains(database);
    const sorting = statements()
      .filter(
        (sql) =>
          /^\s*SELECT.*FROM printer(?:_update)? .*ORDER BY/is.test(sql) &&
          !/json_each|printer_count/.test(sql),
      )
      .filter((sql) => {
        const places = Array.from({ length: sql.split('?').length - 1 }, () => null);
        const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...places) as Array<{
          detail: string;
        }>;
        return plan.some(({ detail }) => detail.startsWith('USE TEMP B-TREE FOR ORDER BY'));
      });
    expect(sorting).toEqual([]);
    database.close();
  });
});
