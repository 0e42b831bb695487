import { versionKey } from '../../../common/version.js';
import type { Printer } from '../../../printer/printer.entity.js';
import type { UpdateStatus } from '../../rules/status.js';
import { targetRefusal } from '../../rules/targeting.js';
import type { PrinterFacts, RolloutRule } from '../../rules/targeting.js';
import type { PrinterUpdate } from '../../store/entities/printer-update.entity.js';
import { slotOf } from '../../store/outcome-slots.js';
import type { Outcomes } from '../../store/outcome-slots.js';
import type { RuleSet } from '../../store/rule-set.js';
import type { PrinterState } from './printer-state.js';

/** What is added to the counters of a rollout. */
export interface RolloutDelta extends Record<UpdateStatus, number> {
  /** Pending targets, by bucket. */
  pending: Map<number, number>;
}

/**
 * What changes of printers add to the counters of rollouts, builds and outcomes. Counters are functions of the printers and their updates,
 * so each is changed by the difference between before and after, whatever has happened in between.
 */
export class RolloutDeltas {
  /** By rollout. */
  readonly rollouts = new Map<number, RolloutDelta>();
  /** Completed and failed updates, by the number of the build. */
  readonly firmware = new Map<number, { completed: number; failed: number }>();
  /** By the slot in which the updates ended. */
  readonly outcomes = new Map<number, Outcomes>();
  /** Rollbacks that may be completed now, or not completed any more. */
  readonly rollbacks = new Set<number>();

  constructor(private readonly rules: RuleSet) {}

  /** Adds the difference that a change of a printer makes. */
  changed(before: PrinterState | null, after: PrinterState): void {
    this.settleRollbacks(before?.printer ?? null, after.printer);
    this.addUpdates(before?.updates ?? [], after.updates, after.printer);
    this.addTargets(before, after);
  }

  /**
   * Adds the difference that the deletion of a printer makes. Builds and the outcomes of the day keep counting what was.
   *
   * @param pendingAtCancel the rollouts that were cancelled while it was pending
   */
  deleted(before: PrinterState, pendingAtCancel: readonly number[]): void {
    const { printer } = before;
    this.settleRollbacksOf(printer.versionKey);
    for (const update of before.updates) {
      this.settleRollbacksOf(versionKey(update.version));
      if (!update.superseded) this.rollout(update.rolloutId)[update.status] -= 1;
    }
    const counted = new Set(before.updates.filter(isCounted).map(({ rolloutId }) => rolloutId));
    for (const id of pendingAtCancel) if (!counted.has(id)) this.addPending(id, printer.bucket, -1);
    const considered = { facts: this.rules.factsOf(printer), updates: before.updates };
    for (const rule of this.rules.rules)
      if (isPending(considered, rule)) this.addPending(rule.id, printer.bucket, -1);
  }

  /** Adds printers to the pending targets of a rollout. */
  addPending(rolloutId: number, bucket: number, by: number): void {
    const { pending } = this.rollout(rolloutId);
    pending.set(bucket, (pending.get(bucket) ?? 0) + by);
  }

  private settleRollbacks(before: Printer | null, after: Printer): void {
    if (this.rules.rollbacks.length === 0) return;
    if (before?.versionKey !== after.versionKey) {
      if (before !== null) this.settleRollbacksOf(before.versionKey);
      this.settleRollbacksOf(after.versionKey);
    }
    // What a blocked printer runs, or is about to run, does not keep any rollback active.
    if (before !== null && before.blocked !== after.blocked)
      for (const { id } of this.rules.rollbacks) this.rollbacks.add(id);
  }

  private addUpdates(
    before: readonly PrinterUpdate[],
    after: readonly PrinterUpdate[],
    printer: Printer,
  ): void {
    if (before === after) return;
    for (const [was, is] of changedUpdates(before, after)) {
      if (was) this.addUpdate(was, -1);
      if (is) this.addUpdate(is, 1);
    }
    // A rollout that is cancelled or deleted has no rule: a printer that was pending at the cancel may turn out to have the update.
    const had = new Set(before.filter(isCounted).map(({ rolloutId }) => rolloutId));
    for (const { rolloutId } of after.filter(isCounted))
      if (!had.has(rolloutId) && this.rules.get(rolloutId) === undefined)
        this.addPending(rolloutId, printer.bucket, -1);
  }

  private addUpdate(update: PrinterUpdate, by: number): void {
    const { rolloutId, firmwareId, status, version, completedAt } = update;
    if (!update.superseded) this.rollout(rolloutId)[status] += by;
    this.settleRollbacksOf(versionKey(version));
    if (status === 'completed' || status === 'failed') {
      const delta = this.firmware.get(firmwareId) ?? { completed: 0, failed: 0 };
      delta[status] += by;
      this.firmware.set(firmwareId, delta);
    }
    if (status === 'in_progress' || completedAt === null) return;
    const slot = slotOf(completedAt);
    const delta = this.outcomes.get(slot) ?? { completed: 0, failed: 0, declined: 0 };
    delta[status] += by;
    this.outcomes.set(slot, delta);
  }

  /** A target is pending while it has no update of the rollout that counts. */
  private addTargets(before: PrinterState | null, after: PrinterState): void {
    const isSame = before !== null && isSameTarget(before.printer, after.printer);
    // Nothing but the rollouts that have won or lost an update can have won or lost a pending target.
    const moved = isSame ? rolloutsThatGainOrLose(before, after) : null;
    if (moved?.size === 0) return;
    const was = before && { facts: this.rules.factsOf(before.printer), updates: before.updates };
    const is = { facts: this.rules.factsOf(after.printer), updates: after.updates };
    for (const rule of this.rules.rules) {
      if (moved?.has(rule.id) === false) continue;
      const difference = (isPending(is, rule) ? 1 : 0) - (was && isPending(was, rule) ? 1 : 0);
      if (difference !== 0) this.addPending(rule.id, after.printer.bucket, difference);
    }
  }

  private rollout(id: number): RolloutDelta {
    let delta = this.rollouts.get(id);
    if (delta === undefined) {
      delta = { pending: new Map(), in_progress: 0, completed: 0, failed: 0, declined: 0 };
      this.rollouts.set(id, delta);
    }
    return delta;
  }

  private settleRollbacksOf(key: string): void {
    for (const { id, takesBack } of this.rules.rollbacks) if (takesBack === key) this.rollbacks.add(id);
  }
}

interface Considered {
  facts: PrinterFacts;
  updates: readonly PrinterUpdate[];
}

function isPending({ facts, updates }: Considered, rule: RolloutRule): boolean {
  const hasUpdate = updates.some((update) => update.rolloutId === rule.id && isCounted(update));
  return !hasUpdate && targetRefusal(facts, rule) === null;
}

function isCounted({ superseded }: PrinterUpdate): boolean {
  return !superseded;
}

/** The updates that any counter tells apart, before and after; null for one that was added or removed. */
function changedUpdates(
  before: readonly PrinterUpdate[],
  after: readonly PrinterUpdate[],
): Array<[PrinterUpdate | null, PrinterUpdate | null]> {
  const old = new Map(before.map((update) => [update.id, update]));
  const changed: Array<[PrinterUpdate | null, PrinterUpdate | null]> = [];
  for (const update of after) {
    const was = old.get(update.id);
    old.delete(update.id);
    if (was === undefined) changed.push([null, update]);
    else if (!countsTheSame(was, update)) changed.push([was, update]);
  }
  for (const update of old.values()) changed.push([update, null]);
  return changed;
}

function countsTheSame(a: PrinterUpdate, b: PrinterUpdate): boolean {
  return (
    a === b ||
    (a.status === b.status &&
      a.superseded === b.superseded &&
      a.confirmed === b.confirmed &&
      a.firmwareId === b.firmwareId &&
      a.completedAt === b.completedAt)
  );
}

/** The rollouts that have an update of the printer that counts before or after, but not both. */
function rolloutsThatGainOrLose(before: PrinterState, after: PrinterState): Set<number> {
  const moved = new Set<number>();
  if (before.updates === after.updates) return moved;
  for (const { rolloutId } of before.updates.filter(isCounted)) moved.add(rolloutId);
  for (const { rolloutId } of after.updates.filter(isCounted))
    if (!moved.delete(rolloutId)) moved.add(rolloutId);
  return moved;
}

/** True if no rule tells two states of a printer apart. */
function isSameTarget(a: Printer, b: Printer): boolean {
  return (
    a.versionKey === b.versionKey &&
    a.updateChannel === b.updateChannel &&
    a.platform === b.platform &&
    a.userId === b.userId &&
    a.versionRolloutId === b.versionRolloutId &&
    a.movedBack === b.movedBack &&
    a.previousVersion === b.previousVersion &&
    a.blocked === b.blocked
  );
}
