import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RolloutListResponse, RolloutResponse } from '../src/rollout/http/dto/rollout-response.dto.js';
import { bucketOf } from '../src/common/bucket.js';
import type { VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import {
  connected,
  counts,
  details,
  handled,
  history,
  patch,
  printer,
  roll,
  rollout,
  upload,
} from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { TestServer } from './support/server.js';

const NOBODY = 'No printer matches now; the rollout only reaches printers that match later';
const UUID = '550e8400-e29b-41d4-a716-446655440000';

describe('Rollouts', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0');
  });
  afterAll(() => server.stop());

  async function status(id: number, expected: string): Promise<RolloutResponse> {
    return eventually(
      `rollout ${id} is ${expected}`,
      () => rollout(server, id),
      (state) => state.status === expected,
    );
  }

  async function create(body: object): Promise<{ status: number; body: ProblemBody }> {
    return server.request<ProblemBody>('POST', '/api/rollouts', body);
  }

  describe('creation', () => {
    it('answers every field that the guide shows, and the target as an object', async () => {
      const created = await roll(server, 'v1.5', {
        target: { channels: ['canary', 'canary'], min_version: '1.0', max_version: null },
        rollout_type: 'gradual',
        rollout_percentage: 20,
      });
      expect(created).toEqual({
        id: expect.any(Number),
        firmware_version: '1.5.0',
        firmware_version_id: expect.any(Number),
        target: {
          all: false,
          user_ids: null,
          printer_ids: null,
          channels: ['canary'],
          min_version: '1.0.0',
          max_version: null,
        },
        target_all: false,
        target_user_ids: null,
        target_printer_ids: null,
        target_ids_count: null,
        target_ids_kind: null,
        target_channels: '["canary"]',
        min_version: '1.0.0',
        max_version: null,
        rollout_type: 'gradual',
        rollout_percentage: 20,
        scheduled_for: null,
        allow_downgrade: false,
        status: 'active',
        created_at: expect.stringMatching(/Z$/),
        name: null,
        note: null,
        created_by: 'local',
        rolls_back: null,
        rolled_back_by: [],
        total_targets: 0,
        due_count: 0,
        due_pending_count: 0,
        pending_count: 0,
        in_progress_count: 0,
        completed_count: 0,
        failed_count: 0,
        declined_count: 0,
        warnings: [NOBODY],
      });
      await server.request('DELETE', `/api/rollouts/${created.id}`);
    });

    const good = { firmware_version: '1.5.0', target: { all: true }, rollout_type: 'immediate' };
    it.each([
      ['firmware_version', { ...good, firmware_version: 'x' }],
      ['firmware_version', { target: { all: true }, rollout_type: 'immediate' }],
      ['target', { firmware_version: '1.5.0', rollout_type: 'immediate' }],
      ['target', { ...good, target: {} }],
      ['target', { ...good, target: null }],
      ['target', { ...good, target: 'all' }],
      ['target', { ...good, target: [] }],
      ['target', { ...good, target: { all: false } }],
      ['target', { ...good, target: { min_version: '1.0.0' } }],
      ['target', { ...good, target: { all: true, user_ids: [UUID] } }],
      ['target', { ...good, target: { all: true, printer_ids: [UUID] } }],
      ['target', { ...good, target: { user_ids: [UUID], printer_ids: [UUID] } }],
      ['target.user_ids', { ...good, target: { user_ids: [] } }],
      ['target.printer_ids', { ...good, target: { printer_ids: [] } }],
      ['target.channels', { ...good, target: { channels: [] } }],
      ['target.channels', { ...good, target: { channels: ['nightly'] } }],
      ['target.channels', { ...good, target: { channels: 'stable' } }],
      ['target.user_ids', { ...good, target: { user_ids: ['me'] } }],
      ['target.printer_ids', { ...good, target: { printer_ids: [42] } }],
      ['target.all', { ...good, target: { all: 'true' } }],
      ['target.min_version', { ...good, target: { all: true, min_version: '1.x' } }],
      [
        'target.min_version',
        { ...good, target: { all: true, min_version: '1.5.0', max_version: '1.5.0-rc.1' } },
      ],
      ['target.chanels', { ...good, target: { all: true, chanels: ['stable'] } }],
      ['rollout_type', { ...good, rollout_type: 'sudden' }],
      ['rollout_percentage', { ...good, rollout_type: 'gradual' }],
      ['rollout_percentage', { ...good, rollout_type: 'gradual', rollout_percentage: 101 }],
      ['rollout_percentage', { ...good, rollout_type: 'gradual', rollout_percentage: -1 }],
      ['rollout_percentage', { ...good, rollout_type: 'gradual', rollout_percentage: 12.5 }],
      ['rollout_percentage', { ...good, rollout_type: 'gradual', rollout_percentage: '10' }],
      ['rollout_percentage', { ...good, rollout_percentage: 50 }],
      ['scheduled_for', { ...good, rollout_type: 'scheduled' }],
      ['scheduled_for', { ...good, rollout_type: 'scheduled', scheduled_for: 'tomorrow' }],
      ['scheduled_for', { ...good, rollout_type: 'scheduled', scheduled_for: '2030-02-30T02:00:00Z' }],
      ['scheduled_for', { ...good, rollout_type: 'scheduled', scheduled_for: 1_700_000_000 }],
      ['scheduled_for', { ...good, scheduled_for: '2030-01-20T02:00:00Z' }],
      ['allow_downgrade', { ...good, allow_downgrade: 'no' }],
      ['priority', { ...good, priority: 1 }],
    ])('refuses a wrong %s and names it: %j', async (field, body) => {
      const answer = await create(body);
      expect(answer.status).toBe(400);
      expect(answer.body.errors?.map((error) => error.field)).toEqual([field]);
      expect(answer.body.detail).toContain(field);
    });

    it('says of a missing value, and of one of another type, what is expected', async () => {
      expect((await create({ ...good, rollout_type: 'gradual' })).body.detail).toBe(
        'rollout_percentage is required for a gradual rollout (got nothing)',
      );
      expect((await create({ ...good, rollout_type: 'scheduled' })).body.detail).toBe(
        'scheduled_for is required for a scheduled rollout (got nothing)',
      );
      expect((await create({ ...good, rollout_type: 'scheduled', scheduled_for: null })).body.detail).toBe(
        'scheduled_for is required for a scheduled rollout (got null)',
      );
      expect((await create({ ...good, firmware_version: 3 })).body.detail).toBe(
        'firmware_version must be a string such as "1.5.0" (got 3)',
      );
      const query = await server.request<ProblemBody>('GET', '/api/printers?colour=red');
      expect(query.body.detail).toBe('colour is not a known query parameter (got "red")');
    });

    it('warns of a rollout that no printer matches', async () => {
      const nobody = { target: { user_ids: [UUID] } };
      expect(await roll(server, '1.5.0', nobody)).toMatchObject({ total_targets: 0, warnings: [NOBODY] });
      const body = { ...good, ...nobody };
      const answer = await server.request('POST', '/api/rollouts/preview', body);
      expect(answer.body).toMatchObject({ matching: 0, warnings: [NOBODY] });
      const one = await connected(server, { behaviour: 'hang' });
      const somebody = await roll(server, '1.5.0', { target: { user_ids: [one.options.userId] } });
      expect(somebody).toMatchObject({ total_targets: 1, warnings: [] });
      await one.stop();
    });

    it('refuses a list of more than 10,000 printers', async () => {
      const answer = await create({ ...good, target: { printer_ids: Array<string>(10_001).fill(UUID) } });
      expect(answer.status).toBe(400);
      expect(answer.body.errors?.map((error) => error.field)).toEqual(['target.printer_ids']);
      expect(answer.body.detail.length).toBeLessThan(300);
    });

    it('needs a firmware that exists', async () => {
      const answer = await create({ ...good, firmware_version: '9.9.9' });
      expect([answer.status, answer.body.detail]).toEqual([404, 'Firmware version not found: 9.9.9']);
    });

    it('takes immediate with 100 %, and a list of 10,000 printers', async () => {
      const ids = Array.from({ length: 10_000 }, () => randomUUID());
      const { id } = await roll(server, '1.5.0', { rollout_percentage: 100, target: { printer_ids: ids } });
      expect((await rollout(server, id)).target.printer_ids).toHaveLength(10_000);
      await server.request('DELETE', `/api/rollouts/${id}`);
    });
  });

  describe('targeting', () => {
    it.each([
      ['a user', (one: VirtualPrinter) => ({ user_ids: [one.options.userId.toUpperCase()] })],
      ['a printer', (one: VirtualPrinter) => ({ printer_ids: [one.options.uuid.toUpperCase()] })],
      ['a channel', () => ({ channels: ['beta'] })],
      [
        'a user narrowed by a channel',
        (one: VirtualPrinter) => ({ user_ids: [one.options.userId], channels: ['beta'] }),
      ],
      [
        'all narrowed by versions',
        () => ({ all: true, channels: ['beta'], min_version: '1.4.0', max_version: '1.4.0' }),
      ],
    ])('by %s reaches it, and nobody else', async (_what, target) => {
      const named = await connected(server, { channel: 'beta' });
      const other = await connected(server, { version: '1.3.0' });
      const { id } = await roll(server, '1.5.0', { target: target(named) });
      await eventually('the update is installed', () => named.version === '1.5.0');
      expect(other.orders).toEqual([]);
      await status(id, 'completed');
      expect(await counts(server, id)).toEqual([0, 0, 1, 0, 0]);
      // A completed rollout serves late comers: it would serve those of the next test.
      await server.request('DELETE', `/api/rollouts/${id}`);
    });

    it('is a rule, not a list: a printer that registers later is a target', async () => {
      const owner = randomUUID();
      const { id } = await roll(server, '1.5.0', { target: { user_ids: [owner] } });
      expect(await counts(server, id)).toEqual([0, 0, 0, 0, 0]);
      const late = await connected(server, { userId: owner });
      await eventually('the update is installed', () => late.version === '1.5.0');
      await status(id, 'completed');
      const later = await connected(server, { userId: owner, behaviour: 'hang' });
      await eventually('it is sent the update', () => later.orders.length === 1);
      expect((await rollout(server, id)).status).toBe('active');
      expect(await counts(server, id)).toEqual([0, 1, 1, 0, 0]);
    });

    it('sends nothing to printers that run the version, a newer one, or one that is too old', async () => {
      await upload(server, '1.6.0', { min_upgrade_version: '1.4.0' });
      const owner = randomUUID();
      const versions = ['1.6.0', '1.7.0', '1.3.9', '1.4.0'];
      const fleet = await Promise.all(
        versions.map((version) => connected(server, { userId: owner, version })),
      );
      const { id } = await roll(server, '1.6.0', { target: { user_ids: [owner] } });
      await status(id, 'completed');
      expect(fleet.map((one) => one.orders.length)).toEqual([0, 0, 0, 1]);
      expect(await counts(server, id)).toEqual([0, 0, 1, 0, 0]);
    });

    it('sends each board its own build, and nothing if there is none', async () => {
      const own = await upload(server, '1.7.0', { platform: 'esp32' });
      const owner = randomUUID();
      const esp32 = await connected(server, { userId: owner, platform: 'esp32' });
      const esp8266 = await connected(server, { userId: owner, platform: 'esp8266' });
      const { id } = await roll(server, '1.7.0', { target: { user_ids: [owner] } });
      await eventually('the update is installed', () => esp32.version === '1.7.0');
      expect(esp32.orders[0]!.md5).toBe(own.md5_checksum);
      expect(esp8266.orders).toEqual([]);
      await status(id, 'completed');
      // A build that comes later makes its boards targets of the same rollout.
      await upload(server, '1.7.0');
      await eventually('the update is installed', () => esp8266.version === '1.7.0');
      await status(id, 'completed');
      expect(await counts(server, id)).toEqual([0, 0, 2, 0, 0]);
    });

    it('that is cancelled lets its firmware be deleted, and keeps its counters', async () => {
      await upload(server, '1.8.0');
      const owner = randomUUID();
      const first = await connected(server, { userId: owner });
      const { id } = await roll(server, '1.8.0', { target: { user_ids: [owner] } });
      await eventually('the update is installed', () => first.version === '1.8.0');
      await status(id, 'completed');
      await patch(server, id, { status: 'cancelled' });
      expect((await server.request('DELETE', '/api/firmware/1.8.0')).status).toBe(204);
      expect(await rollout(server, id)).toMatchObject({
        status: 'cancelled',
        firmware_version_id: null,
        total_targets: 1,
      });
    });

    it('gives the highest version if several rollouts would move a printer', async () => {
      await upload(server, '1.10.0');
      const owner = randomUUID();
      const low = await roll(server, '1.5.0', { target: { user_ids: [owner] } });
      const high = await roll(server, '1.10.0', { target: { user_ids: [owner] } });
      const one = await connected(server, { userId: owner });
      await eventually('the update is installed', () => one.version === '1.10.0');
      expect(one.orders.map((order) => order.version)).toEqual(['1.10.0']);
      await status(high.id, 'completed');
      // Until it has come back, the printer runs the old version for all that is known.
      await eventually(
        'nobody is left for the lower one',
        () => counts(server, low.id),
        (seen) => seen.join() === '0,0,0,0,0',
      );
    });

    it('lets what a newer rollout has wait until the update under way has ended', async () => {
      const owner = randomUUID();
      await roll(server, '1.5.0', { target: { user_ids: [owner] } });
      const one = await connected(server, { userId: owner, behaviour: 'hang' });
      await eventually('the first update', () => one.orders.length === 1);
      const next = await roll(server, '1.10.0', { target: { user_ids: [owner] } });
      expect(await counts(server, next.id)).toEqual([1, 0, 0, 0, 0]);
      one.send({ kind: 'firmware_failed', error: 'not enough space' });
      await eventually('the second update', () => one.orders.length === 2);
      expect(one.orders[1]!.version).toBe('1.10.0');
      expect(await counts(server, next.id)).toEqual([0, 1, 0, 0, 0]);
    });
  });

  describe('gradual', () => {
    it('reaches the buckets below its percentage, more when it is raised, and recalls nothing when it is lowered', async () => {
      const owner = randomUUID();
      const fleet = await Promise.all(
        Array.from({ length: 40 }, () => connected(server, { userId: owner, behaviour: 'hang' })),
      );
      const below = (percentage: number): number =>
        fleet.filter((one) => bucketOf(one.options.uuid) < percentage).length;
      const sent = (): number => fleet.filter((one) => one.orders.length > 0).length;
      const gradual = { target: { user_ids: [owner] }, rollout_type: 'gradual', rollout_percentage: 0 };
      const { id } = await roll(server, '1.5.0', gradual);
      expect(await counts(server, id)).toEqual([40, 0, 0, 0, 0]);
      for (const percentage of [30, 70, 20, 100]) {
        await patch(server, id, { rollout_percentage: percentage });
        const expected = below(Math.max(percentage, percentage === 20 ? 70 : 0));
        await eventually(`those below ${percentage} %`, sent, (seen) => seen === expected);
        expect(await counts(server, id)).toEqual([40 - expected, expected, 0, 0, 0]);
        for (const one of fleet) {
          if (bucketOf(one.options.uuid) < percentage) expect(one.orders).toHaveLength(1);
        }
      }
    });

    it('has a percentage only if its type has one', async () => {
      const immediate = await roll(server, '1.5.0', { target: { user_ids: [UUID] } });
      const answer = await server.request('PATCH', `/api/rollouts/${immediate.id}`, {
        rollout_percentage: 50,
      });
      expect(answer.status).toBe(409);
      expect((await patch(server, immediate.id, { rollout_percentage: 100 })).rollout_percentage).toBe(100);
    });
  });

  describe('scheduled', () => {
    const soon = (): string => new Date(server.clock.now().getTime() + 3_600_000).toISOString();

    it('starts when its time has come', async () => {
      const owner = randomUUID();
      const one = await connected(server, { userId: owner });
      const body = { rollout_type: 'scheduled', scheduled_for: soon(), target: { user_ids: [owner] } };
      const { id, status: before, rollout_percentage } = await roll(server, '1.5.0', body);
      expect([before, rollout_percentage]).toEqual(['scheduled', 100]);
      expect(await counts(server, id)).toEqual([1, 0, 0, 0, 0]);
      expect(one.orders).toEqual([]);
      server.clock.advance(3_600_000);
      await eventually('the update is installed', () => one.version === '1.5.0');
      await status(id, 'completed');
    });

    it('starts at once if its time has passed, and reads a time without an offset as UTC', async () => {
      const body = { rollout_type: 'scheduled', target: { user_ids: [UUID] } };
      const past = await roll(server, '1.5.0', { ...body, scheduled_for: '2025-01-20T02:00:00' });
      expect([past.status, past.scheduled_for]).toEqual(['active', '2025-01-20T02:00:00.000Z']);
      const offset = await roll(server, '1.5.0', { ...body, scheduled_for: '2040-01-20T02:00:00.5+02:00' });
      expect([offset.status, offset.scheduled_for]).toEqual(['scheduled', '2040-01-20T00:00:00.500Z']);
    });

    it('warns that its time has passed, and how long ago', async () => {
      const body = { rollout_type: 'scheduled', target: { user_ids: [UUID] } };
      const ago = (milliseconds: number): string =>
        new Date(server.clock.now().getTime() - milliseconds).toISOString();
      const SECOND = 1_000;
      const DAY = 86_400_000;
      for (const [milliseconds, words] of [
        [0, '0 seconds'],
        [SECOND, '1 second'],
        [90 * SECOND, '90 seconds'],
        [180 * SECOND, '3 minutes'],
        [DAY, '24 hours'],
        [400 * DAY, '400 days'],
      ] as const) {
        const at = ago(milliseconds);
        const asked = { ...body, firmware_version: '1.5.0', scheduled_for: at };
        const warning = `scheduled_for ${at} passed ${words} ago, so the rollout starts at once`;
        for (const path of ['/api/rollouts', '/api/rollouts/preview'])
          expect((await server.request('POST', path, asked)).body).toMatchObject({
            warnings: [warning, NOBODY],
          });
      }
      for (const asked of [{ ...body, scheduled_for: soon() }, { target: { user_ids: [UUID] } }])
        expect(await roll(server, '1.5.0', asked)).toMatchObject({ warnings: [NOBODY] });
    });

    it('starts after a restart if its time passed while the server was down', async () => {
      const owner = randomUUID();
      const body = { rollout_type: 'scheduled', scheduled_for: soon(), target: { user_ids: [owner] } };
      const { id } = await roll(server, '1.5.0', body);
      await server.restart(() => server.clock.advance(3_600_001));
      expect((await rollout(server, id)).status).toBe('active');
    });

    it('can be started early, widened while it waits, and cancelled', async () => {
      const body = {
        rollout_type: 'scheduled',
        scheduled_for: soon(),
        rollout_percentage: 10,
        target: { user_ids: [UUID] },
      };
      const { id } = await roll(server, '1.5.0', body);
      expect((await patch(server, id, { rollout_percentage: 50 })).rollout_percentage).toBe(50);
      expect((await server.request('PATCH', `/api/rollouts/${id}`, { status: 'paused' })).status).toBe(409);
      expect((await patch(server, id, { status: 'active' })).status).toBe('active');
      const other = await roll(server, '1.5.0', body);
      expect((await patch(server, other.id, { status: 'cancelled' })).status).toBe('cancelled');
    });
  });

  describe('life', () => {
    const STEPS: Record<string, string[]> = {
      scheduled: ['scheduled', 'active', 'cancelled'],
      active: ['active', 'paused', 'cancelled'],
      paused: ['paused', 'active', 'cancelled'],
      completed: ['completed', 'cancelled'],
      cancelled: ['cancelled'],
    };

    async function rolloutThatIs(wanted: string): Promise<number> {
      const owner = randomUUID();
      const target = { user_ids: [owner] };
      if (wanted === 'scheduled') {
        const body = { rollout_type: 'scheduled', scheduled_for: '2099-01-01T00:00:00Z', target };
        return (await roll(server, '1.5.0', body)).id;
      }
      const { id } = await roll(server, '1.5.0', { target });
      if (wanted === 'completed') await connected(server, { userId: owner });
      else if (wanted !== 'active') await patch(server, id, { status: wanted });
      await status(id, wanted);
      return id;
    }

    it.each(
      Object.entries(STEPS).flatMap(([from, allowed]) =>
        Object.keys(STEPS).map((to) => [from, to, allowed.includes(to) ? 200 : 409] as const),
      ),
    )('from %s to %s is answered with %i', async (from, to, expected) => {
      const id = await rolloutThatIs(from);
      const answer = await server.request<ProblemBody>('PATCH', `/api/rollouts/${id}`, { status: to });
      expect(answer.status).toBe(expected);
      if (expected === 409) {
        expect(answer.body.detail).toBe(`Rollout ${id} is ${from}, and cannot become ${to}`);
        expect((await rollout(server, id)).status).toBe(from);
      } else {
        expect((await rollout(server, id)).status).toBe(to);
      }
    });

    it('pause stops new sends, updates under way go on and are counted, and resume sends at once', async () => {
      const owner = randomUUID();
      const { id } = await roll(server, '1.5.0', { target: { user_ids: [owner] } });
      const first = await connected(server, { userId: owner, behaviour: 'hang' });
      await eventually('the update', () => first.orders.length === 1);
      await patch(server, id, { status: 'paused' });
      const second = await connected(server, { userId: owner });
      first.send({ kind: 'firmware_complete', version: '1.5.0' });
      await eventually(
        'the end is counted',
        () => counts(server, id),
        (seen) => seen.join() === '1,0,1,0,0',
      );
      expect(second.orders).toEqual([]);
      expect((await rollout(server, id)).status).toBe('paused');
      await patch(server, id, { status: 'active' });
      await eventually('the update is installed', () => second.version === '1.5.0');
      await status(id, 'completed');
    });

    it('cancel is final, keeps the count of those it did not reach, and still counts what was under way', async () => {
      const owner = randomUUID();
      const gradual = { target: { user_ids: [owner] }, rollout_type: 'gradual', rollout_percentage: 100 };
      const { id } = await roll(server, '1.5.0', gradual);
      const first = await connected(server, { userId: owner, behaviour: 'hang' });
      await eventually('the update', () => first.orders.length === 1);
      await patch(server, id, { rollout_percentage: 0 });
      const second = await connected(server, { userId: owner });
      expect(await counts(server, id)).toEqual([1, 1, 0, 0, 0]);
      expect((await patch(server, id, { status: 'cancelled' })).total_targets).toBe(2);
      await connected(server, { userId: owner });
      first.send({ kind: 'firmware_complete', version: '1.5.0' });
      await eventually(
        'the end is counted',
        () => counts(server, id),
        (seen) => seen.join() === '1,0,1,0,0',
      );
      expect(second.orders).toEqual([]);
      expect((await server.request('PATCH', `/api/rollouts/${id}`, { rollout_percentage: 10 })).status).toBe(
        409,
      );
      expect((await server.request('POST', `/api/rollouts/${id}/retry`)).status).toBe(409);
    });

    it('delete leaves the history, in which what was under way still ends', async () => {
      const owner = randomUUID();
      const { id } = await roll(server, '1.5.0', { target: { user_ids: [owner] } });
      const one = await connected(server, { userId: owner, behaviour: 'hang' });
      await eventually('the update', () => one.orders.length === 1);
      expect((await server.request('DELETE', `/api/rollouts/${id}`)).status).toBe(204);
      expect((await server.request('GET', `/api/rollouts/${id}`)).status).toBe(404);
      expect((await server.request('DELETE', `/api/rollouts/${id}`)).status).toBe(404);
      one.send({ kind: 'firmware_complete', version: '1.5.0' });
      await eventually(
        'the update is completed',
        () => history(server, one.options.uuid),
        ([last]) => last?.status === 'completed',
      );
      expect((await history(server, one.options.uuid))[0]).toMatchObject({
        rollout_id: null,
        firmware_version: '1.5.0',
      });
    });

    it.each([
      {},
      { status: 'stopped' },
      { rollout_percentage: 101 },
      { firmware_version: '1.5.0' },
      { status: null },
    ])('refuses the change %j', async (body) => {
      const { id } = await roll(server, '1.5.0', { target: { user_ids: [UUID] } });
      expect((await server.request('PATCH', `/api/rollouts/${id}`, body)).status).toBe(400);
    });

    it.each([
      ['GET', '/api/rollouts/999999', 404],
      ['PATCH', '/api/rollouts/999999', 404],
      ['POST', '/api/rollouts/999999/retry', 404],
      ['GET', '/api/rollouts/x', 400],
      ['GET', '/api/rollouts/0', 400],
      ['GET', '/api/rollouts/1.5', 400],
      ['GET', '/api/rollouts/99999999999999999999', 400],
      ['GET', '/api/rollouts/1?verbose=1', 400],
      ['GET', '/api/rollouts?status=activ', 400],
      ['GET', '/api/rollouts?state=active', 400],
    ])('%s %s is answered with %i', async (method, path, expected) => {
      const body = method === 'PATCH' ? { status: 'paused' } : undefined;
      const answer = await server.request<ProblemBody>(method, path, body);
      expect(answer.status).toBe(expected);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    });

    it('is listed with the newest first, by status and by page', async () => {
      const list = async (query: string): Promise<RolloutListResponse> =>
        (await server.request<RolloutListResponse>('GET', `/api/rollouts${query}`)).body;
      const all = (await list('')).rollouts.map(({ id }) => id);
      expect(all).toEqual([...all].sort((a, b) => b - a));
      const cancelled = (await list('?status=cancelled')).rollouts;
      expect(cancelled.length).toBeGreaterThan(0);
      expect(new Set(cancelled.map((one) => one.status))).toEqual(new Set(['cancelled']));
      const paged: number[] = [];
      for (let cursor: number | null = all[0]! + 1; cursor !== null;) {
        const page: RolloutListResponse = await list(`?limit=7&cursor=${cursor}`);
        paged.push(...page.rollouts.map(({ id }) => id));
        cursor = page.next_cursor;
      }
      expect(paged).toEqual(all);
    });
  });

  describe('downgrade', () => {
    it('works as the guide says: cancel, then roll the older version out', async () => {
      await upload(server, '1.4.0');
      const owner = randomUUID();
      const target = { user_ids: [owner] };
      const one = await connected(server, { userId: owner });
      // This one has a newer version from elsewhere: nothing of ours may take it back.
      const stranger = await connected(server, { userId: owner, version: '1.5.0' });
      const bad = await roll(server, '1.5.0', { target });
      await eventually('the update is installed', () => one.version === '1.5.0');
      await status(bad.id, 'completed');
      const tooEarly = await roll(server, '1.4.0', { target });
      expect(await counts(server, tooEarly.id)).toEqual([0, 0, 0, 0, 0]);
      await server.request('DELETE', `/api/rollouts/${tooEarly.id}`);
      await patch(server, bad.id, { status: 'cancelled' });
      const back = await roll(server, '1.4.0', { target });
      await eventually('the printer is back', () => one.version === '1.4.0');
      await status(back.id, 'completed');
      expect(await counts(server, back.id)).toEqual([0, 0, 1, 0, 0]);
      expect(stranger.orders).toEqual([]);
      expect((await history(server, one.options.uuid)).map((update) => update.firmware_version)).toEqual([
        '1.4.0',
        '1.5.0',
      ]);
    });

    it.each(['cancelled', 'deleted'])(
      'is nothing that a rollout from before does when the newer one is %s',
      async (how) => {
        const owner = randomUUID();
        const target = { user_ids: [owner] };
        await upload(server, '1.2.0').catch(() => undefined);
        const old = await roll(server, '1.2.0', { target });
        const one = await connected(server, { userId: owner });
        const bad = await roll(server, '1.5.0', { target });
        await eventually('the update is proved', async () => {
          return (await details(server, one.options.uuid)).firmware_version === '1.5.0';
        });
        await status(bad.id, 'completed');
        if (how === 'deleted') await server.request('DELETE', `/api/rollouts/${bad.id}`);
        else await patch(server, bad.id, { status: 'cancelled' });
        await handled(one);
        await one.close();
        await eventually('it is back', () => one.subscribed);
        expect(one.orders.map((order) => order.version)).toEqual(['1.5.0']);
        expect(await counts(server, old.id)).toEqual([0, 0, 0, 0, 0]);
        await roll(server, '1.4.0', { target });
        await eventually('the printer is back', () => one.version === '1.4.0');
      },
    );

    it('finds the rollout behind the version that a printer went back to by itself', async () => {
      const owner = randomUUID();
      const target = { user_ids: [owner] };
      const one = await connected(server, { userId: owner });
      const first = await roll(server, '1.5.0', { target });
      await status(first.id, 'completed');
      const second = await roll(server, '1.6.0', { target });
      await status(second.id, 'completed');
      await eventually('it is back', () => one.subscribed);
      one.version = '1.5.0';
      await one.close();
      await eventually('it is back', async () => {
        return (await details(server, one.options.uuid)).firmware_version === '1.5.0';
      });
      for (const { id } of [first, second]) await patch(server, id, { status: 'cancelled' });
      await roll(server, '1.4.0', { target });
      await eventually('the printer is back', () => one.version === '1.4.0');
    });

    it('is what a rollout does that says allow_downgrade', async () => {
      const owner = randomUUID();
      const one = await connected(server, { userId: owner, version: '2.0.0' });
      const { id } = await roll(server, '1.4.0', { target: { user_ids: [owner] }, allow_downgrade: true });
      await eventually('the printer is back', () => one.version === '1.4.0');
      await status(id, 'completed');
    });
  });

  describe('retry', () => {
    it('sends it again to those on which it failed, and to nobody else', async () => {
      const owner = randomUUID();
      const failing = await connected(server, { userId: owner, behaviour: 'fail' });
      const fine = await connected(server, { userId: owner });
      const away = printer(server, { userId: owner, behaviour: 'fail' });
      away.start();
      const { id } = await roll(server, '1.5.0', { target: { user_ids: [owner] } });
      await status(id, 'completed');
      expect(await counts(server, id)).toEqual([0, 0, 1, 2, 0]);
      await away.stop();
      // A failed update is not repeated by itself.
      await failing.close();
      await eventually('it is back', () => failing.subscribed);
      expect(failing.orders).toHaveLength(1);
      failing.behaviour = 'update';
      const answer = await server.request<RolloutResponse>('POST', `/api/rollouts/${id}/retry`);
      expect([answer.status, answer.body.status, answer.body.failed_count]).toEqual([200, 'active', 0]);
      await eventually('the update is installed', () => failing.version === '1.5.0');
      await eventually(
        'one is pending, for it is away',
        () => counts(server, id),
        (seen) => seen.join() === '1,0,2,0,0',
      );
      expect(fine.orders).toHaveLength(1);
      const [pending, failed] = await history(server, away.options.uuid);
      expect([pending?.status, pending?.id, failed?.status]).toEqual(['pending', null, 'failed']);
      away.behaviour = 'update';
      away.start();
      await status(id, 'completed');
      expect(await counts(server, id)).toEqual([0, 0, 3, 0, 0]);
      await away.stop();
    });
  });
});
