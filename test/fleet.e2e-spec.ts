import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { versionKey } from '../src/common/version.js';
import { FleetSampler } from '../src/fleet/history/fleet-sampler.js';
import type { FleetHistoryResponse } from '../src/fleet/history/fleet-history.dto.js';
import type { SummaryResponse, VersionCountResponse } from '../src/fleet/summary.dto.js';
import type { SubscribeRequest } from '../src/printer/subscribe-request.js';
import { bucketOf } from '../src/common/bucket.js';
import { Database } from '../src/database/database.js';
import { RolloutScheduler } from '../src/rollout/campaign/rollout.scheduler.js';
import { RolloutService } from '../src/rollout/rollout.service.js';
import { VERSION } from '../src/version.js';
import type { VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import { connected, expectStatus, offline, patch, roll, upload } from './support/factories.js';
import { requestOf } from './support/plan.js';
import { TestServer } from './support/server.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let server: TestServer;

beforeEach(async () => {
  server = await TestServer.start();
});
afterEach(() => server.stop());

async function summary(): Promise<SummaryResponse> {
  return expectStatus(await server.request<SummaryResponse>('GET', '/api/summary'), 200);
}

/** The summary, once the versions are as they should be; a count is kept for a second. */
async function versionsBecome(
  expected: Array<Partial<VersionCountResponse> & { version: string }>,
): Promise<SummaryResponse> {
  const full = expected.map((version) => {
    const four = { on_target: 0, held: 0, behind_offline: 0, behind_online: 0, ...version };
    const printers = four.on_target + four.held + four.behind_offline + four.behind_online;
    return { ...four, printers };
  });
  const wanted = canonical(full);
  const seen = await eventually(wanted, summary, ({ versions }) => canonical(versions) === wanted, 5_000);
  return seen;
}

function canonical(versions: VersionCountResponse[]): string {
  return versions
    .map((v) => [v.version, v.printers, v.on_target, v.held, v.behind_offline, v.behind_online].join(' '))
    .join('; ');
}

function board(options: Parameters<typeof connected>[1] = {}): Promise<VirtualPrinter> {
  return connected(server, { behaviour: 'hang', ...options });
}

/** Registers a printer as a socket does that has gone at once. */
async function register(changes: Partial<SubscribeRequest> = {}): Promise<string> {
  const uuid = randomUUID();
  await server.get(RolloutService).printerSubscribed(requestOf({ uuid, pathId: randomUUID(), ...changes }));
  return uuid;
}

describe('GET /api/summary', () => {
  it('sums up a fleet of nobody', async () => {
    const counted = await eventually('it is counted', summary, ({ counted_at: at }) => at !== null);
    expect(counted).toEqual({
      at: expect.stringMatching(/Z$/),
      version: VERSION,
      simulator: false,
      printers: { total: 0, online: 0, problems: 0 },
      updates: { in_progress: 0, completed_last_day: 0, failed_last_day: 0, declined_last_day: 0 },
      rollouts: { scheduled: 0, active: 0, paused: 0, completed: 0, cancelled: 0 },
      firmware: 0,
      counted_at: expect.stringMatching(/Z$/),
      versions: [],
      waiting: 0,
      warnings: [],
    });
  });

  it('says of every printer where it stands, each once', async () => {
    await upload(server, '1.5.0');
    await upload(server, '1.5.0', { platform: 'esp32' });
    await board();
    await board({ behaviour: 'fail' });
    await board({ behaviour: 'decline' });
    await board({ autoUpdate: false });
    await offline(server);
    await offline(server, { autoUpdate: false });
    const blocked = await offline(server);
    await server.request('PATCH', `/api/printers/${blocked.options.uuid}`, { blocked: true });
    await board({ version: '1.5.0' });
    const blockedAndDone = await offline(server, { version: '1.5.0' });
    await server.request('PATCH', `/api/printers/${blockedAndDone.options.uuid}`, { blocked: true });
    await board({ version: '1.6.0' });
    await board({ channel: 'beta' });
    const { id } = await roll(server, '1.5.0', { target: { channels: ['stable'] } });
    const seen = await versionsBecome([
      { version: '1.6.0', on_target: 1 },
      { version: '1.5.0', on_target: 2 },
      { version: '1.4.0', on_target: 1, held: 3, behind_offline: 1, behind_online: 3 },
    ]);
    expect(seen.printers).toEqual({ total: 11, online: 7, problems: 0 });
    await eventually(
      'all updates but one have ended',
      summary,
      ({ updates }) => updates.in_progress === 1 && updates.declined_last_day === 2,
    );
    const { updates, rollouts, firmware } = await summary();
    // The one with auto_update off that is offline is asked when it comes back.
    expect(updates).toEqual({
      in_progress: 1,
      completed_last_day: 0,
      failed_last_day: 1,
      declined_last_day: 2,
    });
    // Under way, failed, declined: the list has the same printers as the number.
    const { total } = (
      await server.request<{ total: number }>('GET', '/api/printers?behind=true&online=true')
    ).body;
    expect(total).toBe(3);
    expect(rollouts).toEqual({ scheduled: 0, active: 1, paused: 0, completed: 0, cancelled: 0 });
    expect(firmware).toBe(2);

    await patch(server, id, { status: 'paused' });
    const others = [
      { version: '1.6.0', on_target: 1 },
      { version: '1.5.0', on_target: 2 },
    ];
    await versionsBecome([...others, { version: '1.4.0', on_target: 1, held: 7 }]);
    await patch(server, id, { status: 'active' });
    await server.request('PATCH', '/api/firmware/1.5.0', { deprecated: true });
    await versionsBecome([...others, { version: '1.4.0', on_target: 1, held: 7 }]);
    await server.request('PATCH', '/api/firmware/1.5.0', { deprecated: false, mandatory: true });
    await versionsBecome([
      ...others,
      { version: '1.4.0', on_target: 1, held: 1, behind_offline: 2, behind_online: 4 },
    ]);
    await patch(server, id, { status: 'cancelled' });
    await versionsBecome([...others, { version: '1.4.0', on_target: 8 }]);
  });

  it('calls held what a percentage or a time holds back', async () => {
    await upload(server, '1.5.0');
    await offline(server);
    const gradual = { rollout_type: 'gradual', rollout_percentage: 0 };
    const { id } = await roll(server, '1.5.0', gradual);
    await versionsBecome([{ version: '1.4.0', held: 1 }]);
    await patch(server, id, { rollout_percentage: 100 });
    await versionsBecome([{ version: '1.4.0', behind_offline: 1 }]);
    await patch(server, id, { status: 'cancelled' });
    const when = new Date(server.clock.now().getTime() + HOUR).toISOString();
    await roll(server, '1.5.0', { rollout_type: 'scheduled', scheduled_for: when });
    await versionsBecome([{ version: '1.4.0', held: 1 }]);
    server.clock.advance(2 * HOUR);
    await server.get(RolloutScheduler).activateDue();
    await versionsBecome([{ version: '1.4.0', behind_offline: 1 }]);
  });

  it('counts a fleet of several slices exactly, by bucket, by list and by user', async () => {
    await upload(server, '1.5.0');
    const uuids = await Promise.all(Array.from({ length: 1_300 }, () => register()));
    const owner = randomUUID();
    await Promise.all(
      Array.from({ length: 30 }, () => register({ firmwareVersion: '1.3.0', userId: owner })),
    );
    const { id } = await roll(server, '1.5.0', {
      target: { all: true, min_version: '1.4.0' },
      rollout_type: 'gradual',
      rollout_percentage: 37,
    });
    const due = uuids.filter((uuid) => bucketOf(uuid) < 37).length;
    expect(due).toBeGreaterThan(0);
    await versionsBecome([
      { version: '1.4.0', held: 1_300 - due, behind_offline: due },
      { version: '1.3.0', on_target: 30 },
    ]);
    await patch(server, id, { status: 'cancelled' });
    await roll(server, '1.5.0', { target: { printer_ids: uuids.slice(0, 700) } });
    await roll(server, '1.5.0', { target: { user_ids: [owner] } });
    const { printers } = await versionsBecome([
      { version: '1.4.0', on_target: 600, behind_offline: 700 },
      { version: '1.3.0', behind_offline: 30 },
    ]);
    expect(printers).toEqual({ total: 1_330, online: 0, problems: 0 });
  });

  it('sums up the versions beyond the fifty commonest', async () => {
    const versions = Array.from({ length: 60 }, (_, index) => `2.${index}.0`);
    await Promise.all(versions.map((firmwareVersion) => register({ firmwareVersion })));
    await Promise.all(versions.slice(0, 49).map((firmwareVersion) => register({ firmwareVersion })));
    const { versions: counted } = await eventually('all are counted', summary, ({ versions: seen }) =>
      seen.some(({ version }) => version === 'other'),
    );
    expect(counted).toHaveLength(51);
    expect(counted.slice(1, 50).map(({ version }) => version)).toEqual(versions.slice(0, 49).reverse());
    expect(counted.at(-1)).toMatchObject({ version: 'other', printers: 10, on_target: 10 });
    expect(counted.reduce((sum, { printers }) => sum + printers, 0)).toBe(109);
  });

  it('answers at once while a large fleet is counted for the first time, and says so', async () => {
    const like = await register();
    const many = 150_000;
    await server.get(Database).write(async (tx) => {
      // As so many subscribes would have left them.
      await tx.sql.run(
        `INSERT INTO printer (uuid, name, user_id, firmware_version, version_key, bucket, auto_update, update_channel,
            blocked, has_problems, last_connected, created_at)
          WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
          SELECT '00000000-0000-4000-8000-' || substr(CAST(1000000000000 + n AS varchar), 2), name, user_id, firmware_version, version_key, bucket,
            auto_update, update_channel, blocked, has_problems, last_connected, created_at FROM number, printer WHERE uuid = ?`,
        many,
        like,
      );
      await tx.sql.run('UPDATE printer_count SET printers = printers + ?', many);
    });
    expect(await summary()).toMatchObject({
      printers: { total: many + 1, online: 0, problems: 0 },
      counted_at: null,
      versions: [],
    });
    const counted = await eventually(
      'they are counted',
      summary,
      ({ counted_at: at }) => at !== null,
      30_000,
    );
    expect(counted.versions).toEqual([expect.objectContaining({ printers: many + 1, on_target: many + 1 })]);
  }, 60_000);

  it('keeps a count as long as nothing changes, whatever the cron jobs do', async () => {
    await register();
    const { counted_at } = await eventually('it is counted', summary, ({ counted_at: at }) => at !== null);
    server.clock.advance(HOUR);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await server.get(RolloutScheduler).activateDue();
    expect((await summary()).counted_at).toBe(counted_at);
    await register();
    const { versions } = await summary();
    expect(versions).toEqual([expect.objectContaining({ version: '1.4.0', printers: 2 })]);
  });

  it('counts what ended in the last day once, in the way that it ended, over a restart', async () => {
    await upload(server, '1.5.0');
    await board({ behaviour: 'roll-back' });
    await board({ behaviour: 'update' });
    await board({ behaviour: 'fail' });
    const { id } = await roll(server, '1.5.0');
    const ended = ({ updates }: SummaryResponse): boolean =>
      updates.completed_last_day === 1 && updates.failed_last_day === 2;
    // One reports that it is complete, and comes back with the old version: that is one that failed.
    await eventually('all have ended', summary, ended);
    await server.stopPrinters();
    await server.restart();
    expect(ended(await summary())).toBe(true);
    server.clock.advance(HOUR);
    await server.request('POST', `/api/rollouts/${id}/retry`);
    expect(ended(await summary())).toBe(true);
    server.clock.advance(22 * HOUR);
    expect(ended(await summary())).toBe(true);
    await patch(server, id, { status: 'cancelled' });
    server.clock.advance(HOUR + 6 * MINUTE);
    await server.get(FleetSampler).sample();
    expect((await summary()).updates).toMatchObject({ completed_last_day: 0, failed_last_day: 0 });
  });

  it('counts an update that was declined no more once it is opened again', async () => {
    await upload(server, '1.5.0');
    const one = await board({ behaviour: 'update', autoUpdate: false });
    await roll(server, '1.5.0');
    await eventually('declined', summary, ({ updates }) => updates.declined_last_day === 1);
    one.autoUpdate = true;
    await one.close();
    const { updates } = await eventually('done', summary, (seen) => seen.updates.completed_last_day === 1);
    expect(updates).toEqual({
      in_progress: 0,
      completed_last_day: 1,
      failed_last_day: 0,
      declined_last_day: 0,
    });
  });

  it('refuses what it does not know', async () => {
    expect((await server.request('GET', '/api/summary?hours=1')).status).toBe(400);
  });
});

describe('GET /api/fleet/history', () => {
  const history = async (hours?: number): Promise<FleetHistoryResponse> => {
    const query = hours === undefined ? '' : `?hours=${hours}`;
    const answer = await server.request<FleetHistoryResponse>('GET', `/api/fleet/history${query}`);
    return expectStatus(answer, 200);
  };
  const grains = async (): Promise<Record<string, number>> => {
    const sql = 'SELECT grain, count(*) AS n FROM fleet_sample GROUP BY grain';
    const rows = await server.get(DataSource).query<Array<{ grain: string; n: number }>>(sql);
    return Object.fromEntries(rows.map(({ grain, n }) => [grain, n]));
  };
  /** Takes samples at this distance for so long. */
  async function live(milliseconds: number, every: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += every) {
      // The calendar alone matters here, not how long the server runs.
      server.clock.set(every);
      await server.get(FleetSampler).sample();
    }
  }

  it('begins with a sample at the start, and ends with now', async () => {
    const before = await history();
    expect(before).toEqual({ versions: [], points: [expect.anything(), expect.anything()] });
    await board({ version: '1.5.0' });
    await offline(server);
    await offline(server);
    const { versions, points } = await history();
    expect(versions).toEqual(['1.5.0', '1.4.0']);
    expect(points).toEqual([
      { at: before.points[0]!.at, online: 0, printers: [0, 0] },
      { at: expect.stringMatching(/Z$/), online: 1, printers: [1, 2] },
    ]);
  });

  it('is sampled again at a start only if the last sample is five minutes old, and outlives the restart', async () => {
    await register();
    server.clock.advance(MINUTE);
    await server.get(FleetSampler).sample();
    await server.restart();
    expect((await history()).points).toHaveLength(3);
    await server.restart(() => server.clock.advance(6 * MINUTE));
    const { points } = await history();
    expect(points.map(({ printers }) => printers)).toEqual([[0], [1], [1], [1]]);
    expect([...points].sort((a, b) => (a.at < b.at ? -1 : 1))).toEqual(points);
  });

  it('takes no room for versions that nobody runs any more', async () => {
    const kinds = (): Promise<unknown> =>
      server.get(DataSource).query('SELECT version_key, printers FROM printer_count ORDER BY version_key');
    const uuid = randomUUID();
    for (const version of ['1.4.0', '1.4.1', '1.4.2']) {
      const one = await board({ uuid, version });
      await one.stop();
    }
    expect(await kinds()).toEqual([{ version_key: versionKey('1.4.2'), printers: 1 }]);
    expect((await history()).versions).toEqual(['1.4.2']);
  });

  it('keeps every five minutes for a day, every hour for thirty days', async () => {
    await live(3 * DAY, 5 * MINUTE);
    expect((await history()).points.length).toBeGreaterThanOrEqual(288);
    expect((await history()).points.length).toBeLessThanOrEqual(290);
    expect((await history(1)).points.length).toBeGreaterThanOrEqual(12);
    const { points } = await history(72);
    expect(points.length).toBeGreaterThanOrEqual(72);
    expect(points.length).toBeLessThanOrEqual(74);
    const [first, second] = points.slice(5).map(({ at }) => Date.parse(at));
    expect((second! - first!) / HOUR).toBeCloseTo(1);
    expect((await history(1_000)).points.length).toBeGreaterThanOrEqual(4);
    expect((await history(1_000)).points.length).toBeLessThanOrEqual(5);
    const { minutes = 0, hour = 0, day = 0 } = await grains();
    expect(minutes).toBeLessThanOrEqual(288);
    expect(hour + day).toBeLessThanOrEqual(74);
  }, 60_000);

  it('keeps one a day for two years', async () => {
    await live(40 * DAY, HOUR);
    expect((await grains()).hour).toBeLessThanOrEqual(720);
    await live(800 * DAY, DAY);
    const { day = 0, hour = 0 } = await grains();
    expect(day).toBeGreaterThanOrEqual(729);
    expect(day).toBeLessThanOrEqual(731);
    expect(hour).toBe(0);
    expect((await history(17_520)).points.length).toBeGreaterThanOrEqual(729);
  }, 60_000);

  it('names the twenty commonest versions, and sums up the others', async () => {
    const versions = Array.from({ length: 25 }, (_, index) => `2.${index}.0`);
    await Promise.all(versions.map((firmwareVersion) => register({ firmwareVersion })));
    await Promise.all(versions.slice(0, 20).map((firmwareVersion) => register({ firmwareVersion })));
    await live(5 * MINUTE, 5 * MINUTE);
    const { versions: named, points } = await history();
    expect(named).toEqual([...versions.slice(0, 20).reverse(), 'other']);
    expect(points.at(-1)!.printers).toEqual([...Array<number>(20).fill(2), 5]);
    expect(points.at(-2)!.printers).toEqual(points.at(-1)!.printers);
  });

  it.each([0, 17_521, 'x', '1.5'])('refuses hours=%s', async (hours) => {
    const answer = await server.request('GET', `/api/fleet/history?hours=${hours}`);
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toEqual([expect.objectContaining({ field: 'hours', value: hours })]);
  });
});
