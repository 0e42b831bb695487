import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import type { SelectQueryBuilder } from 'typeorm';
import { ValidationError } from '../src/common/errors.js';
import { Database } from '../src/database/database.js';
import { Firmware } from '../src/firmware/firmware.entity.js';
import { PrinterService } from '../src/printer/printer.service.js';
import { Presence } from '../src/printer/presence.js';
import { Printer } from '../src/printer/printer.entity.js';
import type {
  ChangePreviewResponse,
  RolloutPreviewResponse,
} from '../src/rollout/http/dto/rollout-preview.dto.js';
import type { RolloutResponse } from '../src/rollout/http/dto/rollout-response.dto.js';
import { RolloutRules } from '../src/rollout/store/rollout-rules.js';
import { Rollout } from '../src/rollout/store/entities/rollout.entity.js';
import { PendingBuckets } from '../src/rollout/store/pending-buckets.js';
import { RolloutService } from '../src/rollout/rollout.service.js';
import { UpdateReports } from '../src/rollout/updates/update-reports.js';
import { IMAGE, IMAGE_SHA256, firmwareRow, fleet, wanted } from './support/arbitraries.js';
import type { Drawn } from './support/arbitraries.js';
import { propertyRuns } from './support/property-runs.js';
import { TestServer } from './support/server.js';
import type { Answer } from './support/server.js';
import { countIn, pendingCondition } from './support/target-condition.js';

// Two versions only: rollouts shall get in each other's way.
// Stands for the connection of every printer.
const CONNECTION = { mayReport: () => true };

const VERSIONS = ['1.5.0', '1.10.0'];
const EVERYBODY = {
  method: { targetAll: true, targetUserIds: null, targetPrinterIds: null },
  channels: null,
  minVersion: null,
  maxVersion: null,
};
const FOR_EVERY_BOARD = {
  platform: '',
  channel: 'canary',
  minUpgradeVersion: null,
  mandatory: false,
} as const;
const somebody = fc.nat(7);
const something = fc.nat(5);
const percentage = fc.constantFrom(0, 30, 70, 100);

const kind = fc.oneof(
  fc.constant({ rollout_type: 'immediate' }),
  percentage.map((rollout_percentage) => ({ rollout_type: 'gradual', rollout_percentage })),
  percentage.map((rollout_percentage) => ({ rollout_type: 'gradual', rollout_percentage })),
  percentage.map((rollout_percentage) => ({
    rollout_type: 'scheduled',
    rollout_percentage,
    scheduled_for: '2200-01-01T00:00:00Z',
  })),
);
// Most for everybody, or nothing would ever be sent.
const target = fc.oneof(
  wanted,
  wanted.map((one) => ({ ...one, minVersion: null, maxVersion: null })),
  wanted.map((one) => ({ ...one, ...EVERYBODY })),
);
const roll = fc.record({
  wanted: target,
  kind,
  version: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...VERSIONS) }, fc.constant('3.0.0')),
});
const change = fc.record({
  which: something,
  body: fc.oneof(
    fc
      .constantFrom(...['active', 'active', 'paused', 'paused', 'cancelled', 'completed'])
      .map((status) => ({ status })),
    percentage.map((rollout_percentage) => ({ rollout_percentage })),
    fc.record({ status: fc.constantFrom('active', 'paused'), rollout_percentage: percentage }),
  ),
});

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ step: fc.constant('roll' as const), roll }) },
  { weight: 6, arbitrary: fc.record({ step: fc.constant('change' as const), change }) },
  // Printers that come back during a pause are sent again what they had when it ends.
  {
    weight: 3,
    arbitrary: fc.record({ step: fc.constant('pause' as const), which: something, who: fc.array(somebody) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      step: fc.constant('subscribe' as const),
      who: somebody,
      version: fc.constantFrom('as before', 'as before', 'as before', '1.2.0', ...VERSIONS),
      autoUpdate: fc.constantFrom(true, true, true, false),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      step: fc.constant('report' as const),
      who: somebody,
      report: fc.constantFrom(
        { kind: 'failed' as const, error: 'x' },
        { kind: 'declined' as const, version: null, autoUpdate: null },
        { kind: 'declined' as const, version: null, autoUpdate: false },
        ...VERSIONS.map((version) => ({ kind: 'complete' as const, version })),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('leave' as const), who: somebody }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('retry' as const), which: something }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('delete' as const), which: something }) },
  {
    weight: 1,
    arbitrary: fc.record({
      step: fc.constant('deprecate' as const),
      version: fc.constantFrom(...VERSIONS),
      deprecated: fc.boolean(),
    }),
  },
);
const firmware = fc
  .tuple(wanted, wanted)
  .map((drawn) =>
    drawn.map(({ builds }) => [
      ...builds.filter(({ platform, channel }) => platform !== '' || channel !== 'canary'),
      FOR_EVERY_BOARD,
    ]),
  );

type Step = Drawn<typeof step>;
type Fleet = Drawn<typeof fleet>;

/** A fleet of which some are connected, without their sockets: pushes and subscribes are done as the gateway does them. */
class World {
  private readonly ids = new Map<number, number>();
  private readonly rollouts: number[] = [];

  constructor(
    private readonly server: TestServer,
    private readonly printers: Fleet,
  ) {}

  async begin(builds: Drawn<typeof firmware>, online: number): Promise<void> {
    const presence = this.server.get(Presence);
    for (const id of presence.ids()) presence.disconnected(id, CONNECTION);
    const database = this.server.get(Database);
    await database.write(async (tx) => {
      for (const table of [
        'printer_update',
        'rollout',
        'rollout_cancellation',
        'printer_count',
        'printer',
        'firmware',
      ])
        await tx.sql.run(`DELETE FROM ${table}`);
      for (const [index, version] of VERSIONS.entries())
        for (const build of builds[index] ?? [])
          await database.table(Firmware).insert(tx.sql, firmwareRow(version, build));
      this.server.get(RolloutRules).forget(tx);
    });
    await Promise.all(this.printers.map((_, index) => this.subscribe(index, null, true)));
    for (const [index] of this.printers.entries()) if ((online & (1 << index)) === 0) this.leave(index);
  }

  async take(one: Step): Promise<void> {
    switch (one.step) {
      case 'roll':
        return this.roll(one.roll);
      case 'change':
        return this.change(one.change);
      case 'pause':
        return this.pause(one.which, one.who);
      case 'subscribe':
        return this.subscribe(one.who, one.version === 'as before' ? null : one.version, one.autoUpdate);
      case 'report':
        await this.server
          .get(UpdateReports)
          .report(this.printers[one.who]!.uuid, one.report, CONNECTION)
          ?.catch((error: unknown) => expect(error).toBeInstanceOf(ValidationError));
        return this.push();
      case 'leave':
        this.leave(one.who);
        return;
      case 'retry':
        await this.server.request('POST', `/api/rollouts/${this.rollout(one.which)}/retry`);
        return this.push();
      case 'delete':
        await this.server.request('DELETE', `/api/rollouts/${this.rollout(one.which)}`);
        return this.push();
      case 'deprecate':
        await this.server.request('PATCH', `/api/firmware/${one.version}`, { deprecated: one.deprecated });
        return this.push();
    }
  }

  /** Whatever has been done to one rollout, the targets of all are counted right: as they are counted from nothing. */
  async expectCounts(): Promise<void> {
    const database = this.server.get(Database);
    const { manager } = this.server.get(DataSource);
    const counts = await database.write(async (tx) => {
      const { rules } = await this.server.get(RolloutRules).current(tx);
      const all = [];
      for (const rule of rules) {
        const rollout = await database.table(Rollout).find(tx.sql, 'WHERE id = ?', rule.id);
        const within = await this.server.get(PendingBuckets).within(tx.sql, rule.id, rule.percentage);
        const query = (): SelectQueryBuilder<Printer> =>
          pendingCondition(manager.createQueryBuilder(Printer, 'p'), rule, rules);
        const due = query().andWhere('p.bucket < :percentage', { percentage: rule.percentage });
        all.push({
          id: rule.id,
          kept: [rollout?.pendingCount, within],
          counted: [await countIn(tx.sql, query()), await countIn(tx.sql, due)],
        });
      }
      return all;
    });
    expect(counts.filter(({ kept, counted }) => String(kept) !== String(counted))).toEqual([]);
  }

  private async roll(drawn: Drawn<typeof roll>): Promise<void> {
    const body = bodyOf(drawn);
    const preview = await this.server.request<RolloutPreviewResponse>('POST', '/api/rollouts/preview', body);
    const created = await this.server.request<RolloutResponse>('POST', '/api/rollouts', body);
    if (!sameOutcome(preview, created, 201)) return;
    const { matching, due, now, printers, left_out, waiting, by_version } = preview.body;
    expect({ matching }).toEqual({ matching: created.body.total_targets });
    if (created.body.status !== 'scheduled') expect({ due }).toEqual({ due: created.body.due_count });
    expect(printers).toBe(this.printers.length);
    expect(matching + sum(left_out.map((one) => one.printers))).toBe(printers);
    expect(now + sum(waiting.map((one) => one.printers))).toBe(matching);
    expect(sum(by_version.map((one) => one.matching))).toBe(matching);
    expect(sum(by_version.map((one) => one.now))).toBe(now);
    this.rollouts.push(created.body.id);
    expect({ now }).toEqual({ now: await this.sentByPush(created.body.id) });
  }

  private async change({ which, body }: Drawn<typeof change>): Promise<void> {
    const id = this.rollout(which);
    const before = await this.server.request<RolloutResponse>('GET', `/api/rollouts/${id}`);
    const path = `/api/rollouts/${id}/preview`;
    const preview = await this.server.request<ChangePreviewResponse>('POST', path, body);
    const changed = await this.server.request<RolloutResponse>('PATCH', `/api/rollouts/${id}`, body);
    if (!sameOutcome(preview, changed, 200)) return;
    const { waiting, ...counts } = preview.body;
    const due = changed.body.due_pending_count;
    expect(counts).toEqual({
      now: await this.sentByPush(id),
      in_progress: before.body.in_progress_count,
      pending: before.body.pending_count,
      due,
    });
    const kept = sum(waiting.map((one) => one.printers));
    expect(kept).toBeLessThanOrEqual(due);
    // An update that was held back during a pause is sent again, but its printer is not pending.
    if (changed.body.status !== 'cancelled') expect(kept + counts.now).toBeGreaterThanOrEqual(due);
  }

  private async pause(which: number, back: number[]): Promise<void> {
    await this.change({ which, body: { status: 'paused' } });
    for (const index of back) await this.subscribe(index, null, true);
    await this.change({ which, body: { status: 'active' } });
  }

  private async subscribe(index: number, version: string | null, autoUpdate: boolean): Promise<void> {
    const { uuid, userId, platform, firmwareVersion, updateChannel } = this.printers[index]!;
    const { printerId } = await this.server.get(RolloutService).printerSubscribed({
      uuid,
      name: 'x',
      keyHash: null,
      userId,
      pathId: userId,
      platform,
      firmwareVersion: version ?? (this.ids.has(index) ? null : firmwareVersion),
      unreadableVersion:
        version === null && firmwareVersion === null && !this.ids.has(index) ? 'unreadable' : null,
      autoUpdate,
      channel: updateChannel,
      address: '127.0.0.1',
      problems: [],
    });
    this.ids.set(index, printerId);
    this.server.get(Presence).connected(printerId, CONNECTION);
  }

  private leave(index: number): void {
    this.server.get(Presence).disconnected(this.ids.get(index)!, CONNECTION);
  }

  /** What `RolloutPush` does. */
  private async push(): Promise<void> {
    const ids = this.server.get(Presence).ids();
    const { committed } = this.server.get(Database);
    const printers = await this.server.get(PrinterService).byIds(committed, ids);
    const service = this.server.get(RolloutService);
    await Promise.all(
      printers.map(({ uuid }) => service.offerFor({ uuid, speaker: CONNECTION, isReady: () => true })),
    );
  }

  private async sentByPush(rolloutId: number): Promise<number> {
    const before = await this.sends(rolloutId);
    await this.push();
    return [...(await this.sends(rolloutId))].filter(([id, sends]) => sends > (before.get(id) ?? 0)).length;
  }

  /** How often each update of a rollout that is under way was sent. */
  private async sends(rolloutId: number): Promise<Map<number, number>> {
    const sql = `SELECT id, attempts FROM printer_update WHERE rollout_id = ? AND status = 'in_progress'`;
    const rows = await this.server.get(Database).committed.rows(sql, rolloutId);
    return new Map(rows.map(({ id, attempts }) => [Number(id), Number(attempts)]));
  }

  private rollout(which: number): number {
    return this.rollouts[which % Math.max(1, this.rollouts.length)] ?? 999_999_999;
  }
}

function bodyOf({ wanted: one, kind: type, version }: Drawn<typeof roll>): object {
  const list = (json: string | null): unknown => json && JSON.parse(json);
  return {
    firmware_version: version,
    target: {
      all: one.method.targetAll,
      user_ids: list(one.method.targetUserIds),
      printer_ids: list(one.method.targetPrinterIds),
      channels: one.channels,
      min_version: one.minVersion,
      max_version: one.maxVersion,
    },
    allow_downgrade: one.allowDowngrade,
    ...type,
  };
}

/** True if both were accepted; fails where only one was, or each was refused for another reason. */
function sameOutcome(preview: Answer<unknown>, real: Answer<unknown>, accepted: number): boolean {
  if (preview.status === 200 && real.status === accepted) return true;
  expect([preview.status, preview.body]).toEqual([real.status, real.body]);
  return false;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

describe('A preview', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    // A rollout of a binary that is not on the disk is refused.
    await writeFile(join(server.uploads, IMAGE_SHA256), IMAGE);
  });
  afterAll(() => server.stop());

  it('says what creating a rollout or changing one does, for any fleet, any rollouts and any history', async () => {
    await fc.assert(
      fc.asyncProperty(
        fleet,
        firmware,
        fc.nat(255),
        fc.array(step, { minLength: 14, maxLength: 18 }),
        async (printers, builds, online, steps) => {
          const world = new World(server, printers);
          await world.begin(builds, online);
          for (const one of steps) {
            await world.take(one);
            await world.expectCounts();
          }
        },
      ),
      { numRuns: propertyRuns(25, 100) },
    );
  }, 600_000);
});
