import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import type { SelectQueryBuilder } from 'typeorm';
import { Database } from '../src/database/database.js';
import type { Transaction } from '../src/database/transaction.js';
import { Printer } from '../src/printer/printer.entity.js';
import { bucketOf } from '../src/common/bucket.js';
import { decide } from '../src/rollout/rules/decide.js';
import type { UpdateContext } from '../src/rollout/rules/decide.js';
import { targetRefusal } from '../src/rollout/rules/targeting.js';
import type { RolloutRule } from '../src/rollout/rules/targeting.js';
import { RuleSet } from '../src/rollout/store/rule-set.js';
import { PrinterUpdate } from '../src/rollout/store/entities/printer-update.entity.js';
import { RolloutCancellation } from '../src/rollout/store/entities/rollout-cancellation.entity.js';
import { CREATED, CANCELLATIONS, fleet, printerRow, ruleOf, wanted } from './support/arbitraries.js';
import { propertyRuns } from './support/property-runs.js';
import { TestServer } from './support/server.js';
import { pendingCondition, targetCondition } from './support/target-condition.js';

// The first id of the rollouts under test. The ids in `CANCELLATIONS` are around it, so that some cancellations allow a move back and others do not.
const FIRST_ROLLOUT = 4;

const rollouts = fc.array(
  fc.record({
    // Two versions only, and a build for every board: rollouts shall get in each other's way.
    wanted: fc.tuple(wanted, fc.constantFrom('1.5.0', '1.10.0')).map(([one, version]) => ({
      ...one,
      version,
      builds: [
        ...one.builds,
        { platform: '', channel: 'canary' as const, minUpgradeVersion: null, mandatory: false },
      ],
    })),
    status: fc.constantFrom(
      'active' as const,
      'active' as const,
      'completed' as const,
      'paused' as const,
      'scheduled' as const,
    ),
    percentage: fc.constantFrom(0, 30, 70, 100, 100, 100),
  }),
  { minLength: 1, maxLength: 4 },
);
// Which printer has an update of which rollout, and how that has ended.
const updates = fc.uniqueArray(
  fc.record({
    printer: fc.nat(7),
    rollout: fc.nat(3),
    status: fc.constantFrom('completed' as const, 'failed' as const),
  }),
  { selector: ({ printer, rollout }) => `${printer}/${rollout}`, maxLength: 6 },
);

describe('Targeting', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    const database = server.get(Database);
    const rows = [...CANCELLATIONS].map(([rolloutId, newestRolloutId]) => ({ rolloutId, newestRolloutId }));
    await database.write((tx) => database.table(RolloutCancellation).insertAll(tx.sql, rows));
  });
  afterAll(() => server.stop());

  async function replaceFleet(tx: Transaction, rows: Array<Omit<Printer, 'id'>>): Promise<Printer[]> {
    const table = server.get(Database).table(Printer);
    await tx.sql.run('DELETE FROM printer');
    await table.insertAll(tx.sql, rows);
    return table.select(tx.sql, 'ORDER BY id');
  }

  function everyPrinter(): SelectQueryBuilder<Printer> {
    return server.get(DataSource).createQueryBuilder(Printer, 'p');
  }

  it('in memory and in SQL names the same printers, for any fleet and any rollout', async () => {
    await fc.assert(
      fc.asyncProperty(fleet, wanted, rollouts, async (printers, target, drawn) => {
        const rule = ruleOf(5, target);
        const others = drawn.map((one, index) => ruleOf(FIRST_ROLLOUT - 1 + 3 * index, one.wanted, one));
        const rows = printers.map((one) => printerRow(one));
        const all = await server.get(Database).write((tx) => replaceFleet(tx, rows));
        const inSql = await targetCondition(everyPrinter(), rule, others).getMany();
        const facts = new RuleSet([rule, ...others], CANCELLATIONS);
        const inMemory = all.filter((one) => targetRefusal(facts.factsOf(one), rule) === null);
        expect(inSql.map((one) => one.uuid).sort()).toEqual(inMemory.map((one) => one.uuid).sort());
      }),
      { numRuns: propertyRuns(150, 300) },
    );
  }, 120_000);

  /** Whom a rollout would move now, in plain SQL but for the hash: targets it has sent nothing to, and that may be sent it. */
  async function moves(rule: RolloutRule, rules: readonly RolloutRule[]): Promise<Printer[]> {
    if (rule.status !== 'active' && rule.status !== 'completed') return [];
    const pending = await pendingCondition(everyPrinter(), rule, rules).getMany();
    return pending.filter((one) => {
      const build = rule.builds.get(one.platform ?? '') ?? rule.builds.get('');
      return bucketOf(one.uuid) < rule.percentage && (one.autoUpdate || build?.mandatory === true);
    });
  }

  it('decides in memory as SQL does, for any fleet, any rollouts and any history', async () => {
    await fc.assert(
      fc.asyncProperty(fleet, rollouts, updates, fc.nat(255), async (printers, drawn, past, autoUpdate) => {
        const rules = drawn.map((one, index) => ruleOf(FIRST_ROLLOUT + index, one.wanted, one));
        const rows = printers.map((one, index) => printerRow(one, (autoUpdate & (1 << index)) !== 0));
        const earlier = new Map<number, Map<number, { status: 'completed' | 'failed'; attempts: number }>>();
        const database = server.get(Database);
        const everybody = await database.write(async (tx) => {
          const replaced = await replaceFleet(tx, rows);
          for (const { id } of replaced) earlier.set(id, new Map());
          for (const one of past) {
            const printer = replaced[one.printer]!;
            const rolloutId = FIRST_ROLLOUT + one.rollout;
            earlier.get(printer.id)!.set(rolloutId, { status: one.status, attempts: 1 });
            const update = updateRow(printer.id, rolloutId, one.status);
            await database.table(PrinterUpdate).insert(tx.sql, update);
          }
          return replaced;
        });
        // The highest version first, between equals the older rollout (decisions, "Which printers a rollout moves").
        const bySql = new Map<number, number>();
        const inTurn = [...rules].sort((a, b) =>
          a.versionKey === b.versionKey ? a.id - b.id : a.versionKey < b.versionKey ? 1 : -1,
        );
        for (const rule of inTurn)
          for (const one of await moves(rule, rules)) if (!bySql.has(one.id)) bySql.set(one.id, rule.id);
        const set = new RuleSet(rules, CANCELLATIONS);
        for (const one of everybody) {
          const context: UpdateContext = { earlier: earlier.get(one.id)!, busy: false, reconnecting: true };
          const decision = decide(set.factsOf(one), set.rules, context);
          expect(decision.send ? decision.rule.id : undefined).toBe(bySql.get(one.id));
        }
      }),
      { numRuns: propertyRuns(150, 300) },
    );
  }, 120_000);
});

function updateRow(
  printerId: number,
  rolloutId: number,
  status: 'completed' | 'failed',
): Omit<PrinterUpdate, 'id'> {
  return {
    rolloutId,
    printerId,
    firmwareId: 1,
    version: '1.0.0',
    status,
    attempts: 1,
    sendOnResume: false,
    confirmed: true,
    superseded: false,
    errorMessage: null,
    startedAt: CREATED,
    completedAt: CREATED,
    lastPercent: 100,
    lastStatusMessage: null,
    lastHeard: 0,
    lastSent: 0,
    sequence: rolloutId,
  };
}
