import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import type { SelectQueryBuilder } from 'typeorm';
import { Database } from '../src/database/database.js';
import { IN_INTEGERS, jsonList } from '../src/database/sql.js';
import type { SqlValue } from '../src/database/sql.js';
import type { Transaction } from '../src/database/transaction.js';
import { Firmware } from '../src/firmware/firmware.entity.js';
import { Printer } from '../src/printer/printer.entity.js';
import { UPDATE_STATUSES } from '../src/rollout/rules/status.js';
import type { RolloutRule } from '../src/rollout/rules/targeting.js';
import { RolloutRules } from '../src/rollout/store/rollout-rules.js';
import { countersOf } from '../src/rollout/store/entities/rollout-counters.js';
import { Rollout } from '../src/rollout/store/entities/rollout.entity.js';
import { UpdateLimits } from '../src/rollout/updates/update-limits.js';
import type { HistoryResponse } from '../src/rollout/http/dto/update.dto.js';
import { PrinterUpdate } from '../src/rollout/store/entities/printer-update.entity.js';
import type { VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import { handled, printer, roll, rollout, upload } from './support/factories.js';
import { propertyRuns } from './support/property-runs.js';
import { TestServer } from './support/server.js';
import { countIn, pendingCondition } from './support/target-condition.js';

const PRINTERS = 4;
const VERSIONS = ['1.5.0', '1.6.0', '1.7.0'];

/** What can happen, to a printer or to a rollout, in any order. */
const event = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('come back' as const), which: fc.nat(), version: fc.nat(5) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('report' as const),
      which: fc.nat(),
      report: fc.nat(5),
      version: fc.nat(2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('auto_update' as const), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('status' as const), which: fc.nat(), status: fc.nat(2) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('percentage' as const),
      which: fc.nat(),
      percentage: fc.constantFrom(0, 50, 100),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('retry' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('retry and cancel' as const), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('abort one' as const, 'retry one' as const),
      which: fc.nat(),
      update: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete printer' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deadline' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('block' as const), which: fc.nat(), blocked: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('silence' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

describe('The counters', () => {
  let server: TestServer;
  /** The updates of printers that were deleted. */
  const gone: PrinterUpdate[] = [];

  beforeAll(async () => {
    server = await TestServer.start();
    for (const version of VERSIONS) await upload(server, version);
  });
  afterAll(() => server.stop());

  function updatesOf(one: VirtualPrinter): Promise<PrinterUpdate[]> {
    const database = server.get(Database);
    const own = 'WHERE printer_id = (SELECT id FROM printer WHERE uuid = ?)';
    return database.write((tx) => database.table(PrinterUpdate).select(tx.sql, own, one.options.uuid));
  }

  async function comeBack(one: VirtualPrinter, version: string): Promise<void> {
    await one.stop();
    one.version = version;
    one.start();
    const answered = one.received.length;
    await eventually(
      'it has subscribed, or is told that it is blocked',
      () => one.subscribed || one.received.slice(answered).some(({ code }) => code === 'blocked'),
    );
  }

  async function happen(one: Event, fleet: VirtualPrinter[], rollouts: number[]): Promise<void> {
    const who = 'which' in one ? fleet[one.which % fleet.length]! : fleet[0]!;
    const id = 'which' in one ? rollouts[one.which % rollouts.length]! : 0;
    switch (one.kind) {
      case 'come back':
        // With the version it had, with the one it was sent last, or with any other.
        return comeBack(
          who,
          [who.version, who.orders.at(-1)?.version ?? who.version, '1.4.0', '1.5.0', '1.9.0', 'no version'][
            one.version
          ]!,
        );
      case 'report': {
        const version = VERSIONS[one.version]!;
        const reports = [
          { kind: 'firmware_progress', percent: 50, status: 'x' },
          { kind: 'firmware_progress', percent: -1, status: 'error' },
          { kind: 'firmware_complete', version },
          { kind: 'firmware_complete', version: who.orders.at(-1)?.version ?? version },
          { kind: 'firmware_failed', error: 'no space' },
          { kind: 'firmware_declined', version, auto_update: false },
        ];
        if (who.subscribed) who.send(reports[one.report]!);
        return handled(who);
      }
      case 'leave':
        return who.stop();
      case 'auto_update':
        who.autoUpdate = !who.autoUpdate;
        return;
      case 'status':
        await server.request('PATCH', `/api/rollouts/${id}`, {
          status: ['active', 'paused', 'cancelled'][one.status],
        });
        return;
      case 'percentage':
        await server.request('PATCH', `/api/rollouts/${id}`, { rollout_percentage: one.percentage });
        return;
      case 'retry':
        await server.request('POST', `/api/rollouts/${id}/retry`);
        return;
      case 'retry and cancel':
        await Promise.all([
          server.request('POST', `/api/rollouts/${id}/retry`),
          server.request('PATCH', `/api/rollouts/${id}`, { status: 'cancelled' }),
        ]);
        return;
      case 'abort one':
      case 'retry one': {
        const { body } = await server.request<Partial<HistoryResponse>>(
          'GET',
          `/api/printers/${who.options.uuid}/updates`,
        );
        const sent = (body.updates ?? []).filter((update) => update.id !== null);
        const update = sent[one.update % Math.max(1, sent.length)];
        if (update === undefined) return;
        const action = one.kind === 'abort one' ? 'abort' : 'retry';
        await server.request('POST', `/api/printers/${who.options.uuid}/updates/${update.id}/${action}`);
        return;
      }
      case 'delete printer':
        await who.stop();
        gone.push(...(await updatesOf(who)));
        await server.request('DELETE', `/api/printers/${who.options.uuid}`);
        return;
      case 'deadline':
        for (let minutes = 0; minutes < 125; minutes += 25) {
          server.clock.advance(25 * 60_000);
          for (const board of fleet)
            if (board.subscribed) board.send({ kind: 'firmware_progress', percent: 45, status: 'x' });
          for (const board of fleet) await handled(board);
          await server.get(UpdateLimits).check();
        }
        return;
      case 'block':
        await server.request('PATCH', `/api/printers/${who.options.uuid}`, { blocked: one.blocked });
        return;
      case 'silence':
        server.clock.advance(31 * 60_000);
        return server.get(UpdateLimits).check();
      case 'restart':
        await server.restart();
        for (const board of fleet) if (board.received.length > 0) await comeBack(board, board.version);
        return;
    }
  }

  function printers(): SelectQueryBuilder<Printer> {
    return server.get(DataSource).createQueryBuilder(Printer, 'p');
  }

  /** The updates of a rollout that no other one stands for. */
  function sentUpdates(tx: Transaction, rolloutId: number): Promise<PrinterUpdate[]> {
    const sent = 'WHERE rollout_id = ? AND NOT superseded';
    return server.get(Database).table(PrinterUpdate).select(tx.sql, sent, rolloutId);
  }

  /** A rollout, its updates, and its pending targets counted from nothing: all as they are at one moment. */
  function countedAnew(id: number): Promise<{ state: Rollout; rows: PrinterUpdate[]; pending: number }> {
    const database = server.get(Database);
    return database.write(async (tx) => {
      const { rules } = await server.get(RolloutRules).current(tx);
      const rule = rules.find((one) => one.id === id);
      const state = await database.table(Rollout).find(tx.sql, 'WHERE id = ?', id);
      return {
        state: state!,
        rows: await sentUpdates(tx, id),
        pending: rule ? await countIn(tx.sql, pendingCondition(printers(), rule, rules)) : 0,
      };
    });
  }

  /** How many printers there are of each kind: as it is kept, and counted from nothing. */
  async function expectPrinterCounts(): Promise<void> {
    const kinds =
      'update_channel, version_key, platform, version_rollout_id, previous_version, moved_back, bucket, blocked';
    const counted = `SELECT update_channel, version_key, coalesce(platform, '') AS platform,
      coalesce(version_rollout_id, 0) AS version_rollout_id, coalesce(previous_version, '') AS previous_version,
      coalesce(moved_back, '') AS moved_back, bucket, blocked, count(*) AS printers FROM printer GROUP BY 1, 2, 3, 4, 5, 6, 7, 8`;
    const dataSource = server.get(DataSource);
    const kept = `SELECT ${kinds}, printers FROM printer_count`;
    expect(await dataSource.query(`${kept} ORDER BY ${kinds}`)).toEqual(
      await dataSource.query(`SELECT * FROM (${counted}) ORDER BY ${kinds}`),
    );
  }

  function currentRules(): Promise<readonly RolloutRule[]> {
    return server.get(Database).write(async (tx) => {
      const { rules } = await server.get(RolloutRules).current(tx);
      return rules.map((rule) => ({ ...rule }));
    });
  }

  /** Who is pending in a rollout, by the rules as they were: nothing but a cancel lies between. */
  function pendingOf(rule: RolloutRule, rules: readonly RolloutRule[]): Promise<number[]> {
    return server.get(Database).write(async (tx) => {
      const [text, values] = pendingCondition(printers(), rule, rules).select('p.id').getQueryAndParameters();
      return (await tx.sql.values(text, ...(values as SqlValue[]))).map(([id]) => Number(id));
    });
  }

  /** Those of them who are still there, and have not been found to have the update. */
  function stillPending(id: number, pending: readonly number[]): Promise<number> {
    return server.get(Database).write(async (tx) => {
      const rows = await sentUpdates(tx, id);
      const there = await tx.sql.values(`SELECT id FROM printer WHERE id ${IN_INTEGERS}`, jsonList(pending));
      return there.filter(([printerId]) => rows.every((row) => row.printerId !== printerId)).length;
    });
  }

  /** What must hold at every moment, whatever has happened. */
  async function check(rollouts: number[], cancelled: ReadonlyMap<number, number[]>): Promise<void> {
    for (const id of rollouts) {
      await rollout(server, id); // Throws where the sum is not the total.
      const { state, rows, pending } = await countedAnew(id);
      const { pendingCount, inProgressCount } = state;
      const counts = countersOf(state);
      for (const status of UPDATE_STATUSES)
        expect(counts[status]).toBe(rows.filter((row) => row.status === status).length);
      const known = cancelled.get(id);
      expect(pendingCount).toBe(known === undefined ? pending : await stillPending(id, known));
      expect(pendingCount).toBeGreaterThanOrEqual(0);
      if (state.status === 'completed') {
        expect([state.percentage, pendingCount, inProgressCount]).toEqual([100, 0, 0]);
        expect(counts.completed + counts.failed + counts.declined).toBeGreaterThan(0);
      }
      if (state.status === 'active' && state.percentage === 100 && rows.length + pendingCount > 0) {
        expect(pendingCount + inProgressCount).toBeGreaterThan(0);
      }
    }
    const database = server.get(Database);
    const [all, firmware] = await database.write(
      async (tx) =>
        [
          await database.table(PrinterUpdate).select(tx.sql, ''),
          await database.table(Firmware).select(tx.sql, ''),
        ] as const,
    );
    for (const row of firmware) {
      // What a deleted printer has done still counts for the firmware.
      const own = [...all, ...gone].filter((update) => update.firmwareId === row.id);
      expect(row.successCount).toBe(own.filter((update) => update.status === 'completed').length);
      expect(row.failureCount).toBe(own.filter((update) => update.status === 'failed').length);
    }
    await expectPrinterCounts();
    const underWay = all
      .filter((update) => update.status === 'in_progress')
      .map((update) => update.printerId);
    expect(new Set(underWay).size).toBe(underWay.length);
    expect(Math.max(0, ...all.map((update) => update.attempts))).toBeLessThanOrEqual(3);
  }

  it('add up, and equal the rows, under any sequence of events', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 10, maxLength: 40 }), async (events) => {
        const owner = randomUUID();
        const fleet = Array.from({ length: PRINTERS }, () =>
          printer(server, { userId: owner, behaviour: 'hang' }),
        );
        const target = { user_ids: [owner] };
        const rollouts = [
          (await roll(server, '1.5.0', { target, allow_downgrade: true })).id,
          (await roll(server, '1.6.0', { target, rollout_type: 'gradual', rollout_percentage: 50 })).id,
          (await roll(server, '1.7.0', { target, rollout_type: 'gradual', rollout_percentage: 0 })).id,
          // Newer than the first, and decides for whom that may still move back.
          (
            await roll(server, '1.6.0', {
              target: { printer_ids: fleet.slice(0, 2).map((one) => one.options.uuid) },
              rollout_type: 'gradual',
              rollout_percentage: 50,
            })
          ).id,
        ];
        const cancelled = new Map<number, number[]>();
        for (const one of fleet.slice(1)) await comeBack(one, '1.4.0');
        try {
          for (const one of events) {
            const rules = await currentRules();
            await happen(one, fleet, rollouts);
            for (const rule of rules.filter(({ id }) => rollouts.includes(id)))
              if ((await rollout(server, rule.id)).status === 'cancelled')
                cancelled.set(rule.id, await pendingOf(rule, rules));
            await check(rollouts, cancelled);
          }
        } finally {
          await Promise.all(fleet.map((one) => one.stop()));
          for (const id of rollouts)
            await server.request('PATCH', `/api/rollouts/${id}`, { status: 'cancelled' });
        }
      }),
      { numRuns: propertyRuns(8, 25), endOnFailure: true },
    );
  }, 300_000);
});
