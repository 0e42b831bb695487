import { bucketOf } from '../../common/bucket.js';
import { MAX_SENDS } from './status.js';
import { REASONS, decide, evaluate, evaluateResend } from './decide.js';
import type { EarlierUpdate, UpdateContext } from './decide.js';
import { targetRefusal } from './targeting.js';
import type { PrinterFacts, RolloutRule, TargetRefusal } from './targeting.js';

/** Every reason why a target of a rollout is not sent its update at once. */
export const WAITING_REASONS = {
  ...REASONS,
  offline: 'The printer is not connected; what it gets is decided when it connects.',
  other_rollout:
    'Another rollout comes first: one with a higher version, or an older one with the same version.',
} as const;

/** The name of a reason why a target is not sent the update at once. */
export type WaitingReason = keyof typeof WAITING_REASONS;

/**
 * Explains why a rollout sends a connected target nothing now; null if it does send.
 *
 * @param rules the rollout among all others, in the order of `compareRules`
 */
export function waitingReason(
  printer: PrinterFacts,
  rule: RolloutRule,
  rules: readonly RolloutRule[],
  context: UpdateContext,
): WaitingReason | null {
  const decision = decide(printer, rules, context);
  if (decision.send) return decision.rule === rule ? null : 'other_rollout';
  if (context.busy) return decision.reason;
  const evaluation = evaluate(printer, rule, context);
  return 'refused' in evaluation ? evaluation.refused : null;
}

/** True if a rollout sends a connected printer again the update that was held back during a pause. */
export function sendsHeldBack(printer: PrinterFacts, rule: RolloutRule, held: EarlierUpdate): boolean {
  return held.attempts < MAX_SENDS && 'due' in evaluateResend(printer, rule);
}

/** Counts printers by what a rollout would do with them. */
export class PreviewCounts {
  readonly leftOut = new Map<TargetRefusal, number>();
  readonly waiting = new Map<WaitingReason, number>();
  /** Targets by the key of the version that they run, and how many of them are sent the update now. */
  readonly versions = new Map<string, { matching: number; now: number }>();
  matching = 0;
  /** Targets within the percentage. */
  due = 0;
  now = 0;
  private connected = 0;

  /** @param rule the rollout that is previewed */
  constructor(private readonly rule: RolloutRule) {}

  /** Adds printers of one kind that the rollout names, by bucket. */
  named(printer: PrinterFacts, alike: ReadonlyArray<[bucket: number, printers: number]>): void {
    const refusal = targetRefusal(printer, this.rule);
    for (const [bucket, printers] of alike) {
      if (refusal !== null) {
        add(this.leftOut, refusal, printers);
        continue;
      }
      this.matching += printers;
      if (bucket < this.rule.percentage) this.due += printers;
      this.version(printer).matching += printers;
    }
  }

  /** Adds a connected target. */
  target(printer: PrinterFacts, reason: WaitingReason | null): void {
    this.connected += 1;
    if (reason !== null) {
      add(this.waiting, reason, 1);
      return;
    }
    this.now += 1;
    this.version(printer).now += 1;
  }

  /**
   * Counts the printers that were not added, because the rollout does not name them.
   *
   * @param printers total number of printers
   */
  rest(printers: number): void {
    const leftOut = [...this.leftOut.values()].reduce((sum, count) => sum + count, 0);
    add(this.leftOut, 'not_targeted', printers - this.matching - leftOut);
    const reason = this.rule.status === 'scheduled' ? 'not_yet_scheduled' : 'offline';
    add(this.waiting, reason, this.matching - this.connected);
  }

  private version({ versionKey }: PrinterFacts): { matching: number; now: number } {
    let counts = this.versions.get(versionKey);
    if (counts === undefined) {
      counts = { matching: 0, now: 0 };
      this.versions.set(versionKey, counts);
    }
    return counts;
  }
}

/** Counts what a change to a rollout would do with its connected targets. */
export class ChangeCounts {
  /** Targets that would be sent the update now. */
  now = 0;
  private readonly waiting = new Map<WaitingReason, number>();
  /** Connected targets that are pending and within the percentage. */
  private connected = 0;

  /** @param rule the rollout after the change */
  constructor(private readonly rule: RolloutRule) {}

  /** Adds a target whose update was held back during a pause. It is in progress, so it is not pending. */
  heldBack(isSent: boolean): void {
    if (isSent) this.now += 1;
  }

  /** Adds a connected target. */
  target(printer: PrinterFacts, reason: WaitingReason | null, isPending: boolean): void {
    if (reason === null) this.now += 1;
    if (!isPending || bucketOf(printer.uuid) >= this.rule.percentage) return;
    this.connected += 1;
    if (reason !== null) add(this.waiting, reason, 1);
  }

  /**
   * Why pending targets within the percentage would be sent nothing now.
   *
   * @param due how many such targets there are, connected or not
   */
  waitingOf(due: number): Map<WaitingReason, number> {
    const waiting = new Map(due === 0 ? [] : this.waiting);
    add(waiting, 'offline', due - this.connected);
    return waiting;
  }
}

function add<Name>(counts: Map<Name, number>, name: Name, by: number): void {
  if (by > 0) counts.set(name, (counts.get(name) ?? 0) + by);
}
