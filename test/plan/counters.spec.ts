import { describe, expect, it } from '@jest/globals';
import { versionKey } from '../../src/common/version.js';
import type { Printer } from '../../src/printer/printer.entity.js';
import type { RolloutRule } from '../../src/rollout/rules/targeting.js';
import type { PrinterUpdate } from '../../src/rollout/store/entities/printer-update.entity.js';
import { slotOf } from '../../src/rollout/store/outcome-slots.js';
import { RuleSet } from '../../src/rollout/store/rule-set.js';
import { RolloutDeltas } from '../../src/rollout/updates/plan/counters.js';
import type { PrinterState } from '../../src/rollout/updates/plan/printer-state.js';
import { NOW, printerOf, updateOf } from '../support/plan.js';
import { ruleOf } from '../support/rules.js';

const NONE = { in_progress: 0, completed: 0, failed: 0, declined: 0 };

function state(
  printer: Partial<Printer> & { version?: string },
  ...updates: Array<Partial<PrinterUpdate>>
): PrinterState {
  return { printer: printerOf(printer), updates: updates.map(updateOf) };
}

function deltasOf(
  before: PrinterState | null,
  after: PrinterState,
  rules: RolloutRule[] = [ruleOf()],
): RolloutDeltas {
  const deltas = new RolloutDeltas(new RuleSet(rules, new Map()));
  deltas.changed(before, after);
  return deltas;
}

function rolloutOf(deltas: RolloutDeltas, id = 1): object {
  const { pending, ...statuses } = deltas.rollouts.get(id) ?? { pending: new Map<number, number>(), ...NONE };
  return { pending: pending.get(25) ?? 0, ...statuses };
}

describe('The counters of a rollout', () => {
  const old = { completedAt: NOW };
  it.each<[string, PrinterState | null, PrinterState, object]>([
    ['gain a new target', null, state({}), { pending: 1 }],
    ['lose a target that runs the version', state({}), state({ version: '1.5.0' }), { pending: -1 }],
    ['lose a blocked target', state({}), state({ blocked: true }), { pending: -1 }],
    ['move a target whose update is opened', state({}), state({}, {}), { pending: -1, in_progress: 1 }],
    ['count a new target with its update once', null, state({}, {}), { in_progress: 1 }],
    [
      'move an update that ends',
      state({}, {}),
      state({}, { status: 'failed', ...old }),
      { in_progress: -1, failed: 1 },
    ],
    [
      'move a target whose update is retried',
      state({}, { status: 'failed', ...old }),
      state({}, { status: 'failed', superseded: true, ...old }),
      { failed: -1, pending: 1 },
    ],
    ['move a target whose update is taken back', state({}, {}), state({}), { in_progress: -1, pending: 1 }],
    [
      'do not count a retried update again',
      state({}, { superseded: true, status: 'failed', ...old }),
      state({}, { superseded: true, status: 'completed', ...old }),
      {},
    ],
    ['stay as they are when nothing that they count changes', state({}, {}), state({ name: 'New' }, {}), {}],
  ])('%s', (_what, before, after, delta) => {
    expect(rolloutOf(deltasOf(before, after))).toEqual({ pending: 0, ...NONE, ...delta });
  });

  it('count a printer that was pending at the cancel, and has the update after all', () => {
    const before = state({}, { superseded: true, status: 'failed', ...old });
    const after = state({ version: '1.5.0' }, { status: 'completed', ...old });
    expect(rolloutOf(deltasOf(before, after, []))).toEqual({ ...NONE, pending: -1, completed: 1 });
  });

  it('lose a deleted printer, wherever it was counted', () => {
    const rules = [ruleOf(), ruleOf({ id: 2, version: '1.6.0' })];
    const deltas = new RolloutDeltas(new RuleSet(rules, new Map()));
    deltas.deleted(state({}, { status: 'failed', ...old }), [1, 3]);
    expect([1, 2, 3].map((id) => rolloutOf(deltas, id))).toEqual([
      { ...NONE, pending: 0, failed: -1 },
      { ...NONE, pending: -1 },
      { ...NONE, pending: -1 },
    ]);
    expect([deltas.firmware.size, deltas.outcomes.size]).toEqual([0, 0]);
  });
});

describe('The counters of builds and outcomes', () => {
  it('follow an outcome that changes, in the slots in which it ended', () => {
    const earlier = new Date(NOW.getTime() - 3_600_000);
    const before = state({}, { status: 'completed', completedAt: earlier });
    const after = state({}, { status: 'failed', completedAt: NOW });
    const { firmware, outcomes } = deltasOf(before, after);
    expect(firmware.get(5)).toEqual({ completed: -1, failed: 1 });
    expect(outcomes.get(slotOf(earlier))).toEqual({ completed: -1, failed: 0, declined: 0 });
    expect(outcomes.get(slotOf(NOW))).toEqual({ completed: 0, failed: 1, declined: 0 });
  });
});

describe('Rollbacks to settle', () => {
  const rollback = ruleOf({ id: 9, version: '1.4.0', takesBack: versionKey('1.5.0'), allowDowngrade: true });
  it.each<[string, PrinterState | null, PrinterState, boolean]>([
    ['a printer runs the bad version', null, state({ version: '1.5.0' }), true],
    ['a printer has left it', state({ version: '1.5.0' }), state({ version: '1.4.0' }), true],
    ['an update to it ends', state({}, {}), state({}, { status: 'failed', completedAt: NOW }), true],
    ['a printer is blocked', state({}), state({ blocked: true }), true],
    ['another version is concerned', state({ version: '1.3.0' }), state({ version: '1.4.0' }), false],
  ])('are found if %s', (_what, before, after, found) => {
    expect([...deltasOf(before, after, [rollback]).rollbacks]).toEqual(found ? [9] : []);
  });
});
