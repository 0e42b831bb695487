import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CHANNELS } from '../src/common/channel.js';
import type { FirmwareResponse } from '../src/firmware/firmware-response.dto.js';
import { RolloutRules } from '../src/rollout/store/rollout-rules.js';
import type { RolloutResponse } from '../src/rollout/http/dto/rollout-response.dto.js';
import type { UpdateOrder, VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import { binary, handled, printer, uploadForm } from './support/factories.js';
import { propertyRuns } from './support/property-runs.js';
import { TestServer } from './support/server.js';

const PLATFORMS = ['', 'esp32', 'esp8266'] as const;
// Two images for each: the second one is other bytes under the same version.
const IMAGES = PLATFORMS.map(() => [binary(300), binary(300)] as const);

const nat = (max: number): fc.Arbitrary<number> => fc.nat(max);
const channel = fc.constantFrom(...CHANNELS);
const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name);

/** What operators and printers can do, in any order. */
const event = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: kind('upload'), platform: nat(2), image: nat(1), channel, version: nat(1) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: kind('promote'), channel, version: nat(1) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: kind('delete'),
      platform: fc.option(nat(2), { nil: null }),
      channel: fc.option(channel, { nil: null }),
      version: nat(1),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: kind('roll'),
      percentage: fc.constantFrom(0, 100),
      version: nat(1),
      channel: fc.option(channel, { nil: null }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: kind('change'),
      which: fc.nat(),
      body: fc.constantFrom(
        { status: 'cancelled' },
        { status: 'paused' },
        { status: 'active' },
        { rollout_percentage: 100 },
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: kind('report'),
      which: nat(2),
      report: fc.constantFrom('complete', 'failed', 'come back'),
    }),
  },
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** An update message: its platform is left out if the build fits every board. */
type Order = UpdateOrder & { platform?: string };

interface World {
  versions: readonly string[];
  fleet: VirtualPrinter[];
  rollouts: number[];
  /** The MD5 that each rollout has, by rollout and platform, from the moment that it had one. */
  chosen: Map<string, string>;
  /** The MD5 that printers were sent, by version and platform. */
  sent: Map<string, string>;
  /** How many orders of each printer have been looked at. */
  seen: number[];
}

describe('Uploads, promotions, deletes, rollouts and sends in any order', () => {
  let server: TestServer;
  let patch = 0;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  async function happen(one: Event, world: World): Promise<void> {
    const version = 'version' in one ? world.versions[one.version]! : '';
    switch (one.kind) {
      case 'upload': {
        const platform = PLATFORMS[one.platform]!;
        const fields = { version, channel: one.channel, ...(platform === '' ? {} : { platform }) };
        const form = uploadForm(fields, IMAGES[one.platform]![one.image]);
        expect([201, 409]).toContain((await server.request('POST', '/api/firmware/upload', form)).status);
        return;
      }
      case 'promote':
        await server.request('POST', `/api/firmware/${version}/promote`, { to: one.channel });
        return;
      case 'delete': {
        const query = new URLSearchParams();
        if (one.channel !== null) query.set('channel', one.channel);
        if (one.platform !== null) query.set('platform', ['any', ...PLATFORMS.slice(1)][one.platform]!);
        const answer = await server.request('DELETE', `/api/firmware/${version}?${query.toString()}`);
        expect([204, 404, 409]).toContain(answer.status);
        return;
      }
      case 'roll': {
        const answer = await server.request<RolloutResponse>('POST', '/api/rollouts', {
          firmware_version: version,
          target: {
            user_ids: [world.fleet[0]!.options.userId],
            ...(one.channel === null ? {} : { channels: ['stable', one.channel] }),
          },
          rollout_type: 'gradual',
          rollout_percentage: one.percentage,
        });
        if (answer.status === 201) world.rollouts.push(answer.body.id);
        return;
      }
      case 'change': {
        const id = world.rollouts[one.which % Math.max(1, world.rollouts.length)];
        if (id !== undefined) await server.request('PATCH', `/api/rollouts/${id}`, one.body);
        return;
      }
      case 'report': {
        const board = world.fleet[one.which]!;
        const last = board.orders.at(-1);
        if (one.report === 'come back') {
          await board.stop();
          board.version = '1.0.0';
          board.start();
          await eventually('it has subscribed', () => board.subscribed);
        } else if (last && board.subscribed) {
          board.send(
            one.report === 'complete'
              ? { kind: 'firmware_complete', version: last.version }
              : { kind: 'firmware_failed', error: 'no space' },
          );
        }
        return handled(board);
      }
    }
  }

  /** What must hold at every moment. */
  async function check(world: World): Promise<void> {
    const { body: rows } = await server.request<FirmwareResponse[]>('GET', '/api/firmware');
    for (const rule of (await server.get(RolloutRules).forReading()).rules) {
      if (!world.rollouts.includes(rule.id)) continue;
      expect(rule.builds.size).toBeGreaterThan(0);
      for (const build of rule.builds.values())
        remember(world.chosen, `${rule.id} ${build.platform}`, build.md5);
      // What it had once, it still has.
      for (const [key, md5] of world.chosen) {
        const [id, platform = ''] = key.split(' ');
        if (Number(id) === rule.id) expect(rule.builds.get(platform)?.md5).toBe(md5);
      }
      const state = (await server.request<RolloutResponse>('GET', `/api/rollouts/${rule.id}`)).body;
      expect(rows.map(({ id }) => id)).toContain(state.firmware_version_id);
    }
    for (const [index, board] of world.fleet.entries()) {
      const orders: Order[] = board.orders.slice(world.seen[index]);
      for (const order of orders) {
        remember(world.sent, `${order.version} ${order.platform ?? ''}`, order.md5);
        const known = [...world.chosen].some(
          ([key, md5]) => key.endsWith(` ${order.platform ?? ''}`) && md5 === order.md5,
        );
        expect(known).toBe(true);
        // A rollout that was cancelled meanwhile lets its binary go; what is served is never anything else.
        const answer = await fetch(order.url);
        if (answer.status !== 200) continue;
        const bytes = Buffer.from(await answer.arrayBuffer());
        expect(createHash('md5').update(bytes).digest('hex')).toBe(order.md5);
      }
      world.seen[index] = board.orders.length;
    }
    // What was sent under a version is what stands under it now.
    for (const row of rows) {
      const md5 = world.sent.get(`${row.version} ${row.platform ?? ''}`);
      if (md5 !== undefined) expect(row.md5_checksum).toBe(md5);
    }
  }

  it('never lead to a send of other bytes, nor to a rollout without its builds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 15, maxLength: 40 }), async (events) => {
        patch += 2;
        const owner = randomUUID();
        const fleet = PLATFORMS.map((platform) =>
          printer(server, {
            userId: owner,
            version: '1.0.0',
            behaviour: 'hang',
            ...(platform === '' ? {} : { platform }),
          }),
        );
        const world: World = {
          versions: [`2.0.${patch}`, `2.0.${patch + 1}`],
          fleet,
          rollouts: [],
          chosen: new Map(),
          sent: new Map(),
          seen: fleet.map(() => 0),
        };
        for (const one of fleet) one.start();
        try {
          await eventually('all have subscribed', () => fleet.every((one) => one.subscribed));
          for (const one of events) {
            await happen(one, world);
            await check(world);
          }
        } finally {
          await Promise.all(fleet.map((one) => one.stop()));
          for (const id of world.rollouts)
            await server.request('PATCH', `/api/rollouts/${id}`, { status: 'cancelled' });
        }
      }),
      { numRuns: propertyRuns(8, 15), endOnFailure: true },
    );
  }, 300_000);
});

/** Notes down a hash, which must be the one that was noted before. */
function remember(hashes: Map<string, string>, key: string, md5: string): void {
  expect(hashes.get(key) ?? md5).toBe(md5);
  hashes.set(key, md5);
}
