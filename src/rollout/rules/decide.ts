import { bucketOf } from '../../common/bucket.js';
import { MAX_SENDS } from './status.js';
import type { UpdateStatus } from './status.js';
import { buildFor, targetRefusal } from './targeting.js';
import type { Build, PrinterFacts, RolloutRule } from './targeting.js';

/**
 * Every reason why a printer gets no update, ordered from the farthest to the closest. If several rollouts refuse a printer, the closest
 * reason is the one to show.
 */
export const REASONS = {
  no_rollout: 'No rollout is scheduled, active, paused or completed.',
  not_targeted:
    'The rollout targets other users, printers or channels, or rolls back a version that the printer does not run.',
  blocked: 'An operator has blocked the printer.',
  below_min_version: 'The printer runs a version below the min_version of the target.',
  above_max_version: 'The printer runs a version above the max_version of the target.',
  no_build_for_platform: 'The firmware has no build for the board of this printer.',
  version_unknown:
    'The version that the printer reports cannot be read: only a rollout with allow_downgrade and without any version bounds moves it.',
  downgrade_not_allowed: 'The printer runs a newer version, and the rollout may not downgrade it.',
  superseded: 'A newer rollout targets the printer, and only the newest may move it to an older version.',
  rolled_back: 'A newer rollout has moved the printer back from this version.',
  below_min_upgrade_version: 'The printer runs a version below the min_upgrade_version of the firmware.',
  up_to_date: 'The printer runs the version of the rollout.',
  already_completed: 'The rollout has updated this printer before; it went back by other means.',
  already_failed: 'The update failed on this printer; POST /api/rollouts/{id}/retry sends it again.',
  already_declined: 'The printer declined the update.',
  firmware_deprecated: 'The firmware is deprecated and not offered to printers.',
  image_damaged:
    'The binary is missing or damaged on the server and not offered to printers; uploading the same file again repairs it.',
  not_yet_scheduled: 'The rollout has not started yet.',
  rollout_paused: 'The rollout is paused.',
  not_in_percentage: 'The bucket of the printer is not below the percentage of the rollout.',
  auto_update_off: 'The printer has auto_update off, and the firmware is not mandatory.',
  already_in_progress: 'An update of this printer is in progress; others wait until it has ended.',
} as const;

/** The name of a reason why a printer gets no update. */
export type Reason = keyof typeof REASONS;

/** What became of an earlier update of the printer through the same rollout. */
export interface EarlierUpdate {
  status: UpdateStatus;
  attempts: number;
}

/** Everything a decision depends on besides the printer and the rollouts. */
export interface UpdateContext {
  /** The printer's update through each rollout, by rollout id, without superseded ones. */
  earlier: ReadonlyMap<number, EarlierUpdate>;
  /** True while an update is in progress, or reported complete but not yet proved by a subscribe. */
  busy: boolean;
  /** True if the printer is subscribing right now: it has come back, and may have changed its auto_update setting. */
  reconnecting: boolean;
}

export type Decision =
  | { send: true; rule: RolloutRule; build: Build; declines: RolloutRule[] }
  | { send: false; reason: Reason; rolloutId: number | null; declines: RolloutRule[] };

/** The build that one rollout has for a printer, or why it has none. */
export type Evaluation = { due: Build } | { refused: Reason };

/**
 * Decides what a printer gets now. The highest version wins; between equal versions, the older rollout wins.
 *
 * @param rules rollouts that are not cancelled, in the order of `compareRules`
 * @returns the update to send, or the closest reason why there is none; with it, the rollouts whose update is to be recorded as declined on
 *   the printer's behalf
 */
export function decide(
  printer: PrinterFacts,
  rules: readonly RolloutRule[],
  context: UpdateContext,
): Decision {
  if (context.busy) return { send: false, reason: 'already_in_progress', rolloutId: null, declines: [] };
  const declines: RolloutRule[] = [];
  let closest: { reason: Reason; rolloutId: number | null } = { reason: 'no_rollout', rolloutId: null };
  for (const rule of rules) {
    const evaluation = evaluate(printer, rule, context);
    if ('due' in evaluation) return { send: true, rule, build: evaluation.due, declines };
    const reason = evaluation.refused;
    if (reason === 'auto_update_off' && !context.earlier.has(rule.id)) declines.push(rule);
    if (CLOSENESS[reason] > CLOSENESS[closest.reason]) closest = { reason, rolloutId: rule.id };
  }
  return { send: false, ...closest, declines };
}

/** The order in which rollouts are evaluated: rollbacks first, then the highest version, then the oldest rollout. */
export function compareRules(a: RolloutRule, b: RolloutRule): number {
  if ((a.takesBack === null) !== (b.takesBack === null)) return a.takesBack === null ? 1 : -1;
  if (a.versionKey !== b.versionKey) return a.versionKey < b.versionKey ? 1 : -1;
  return a.id - b.id;
}

/** Decides whether an update in progress may be sent again. The percentage does not matter: lowering it recalls nothing that was sent. */
export function evaluateResend(printer: PrinterFacts, rule: RolloutRule): Evaluation {
  return evaluateBuild(printer, rule, (build) => held(rule, build) ?? optedOut(printer, build));
}

/** What one rollout has for a printer, regardless of the other rollouts and of any update of theirs in progress. */
export function evaluate(printer: PrinterFacts, rule: RolloutRule, context: UpdateContext): Evaluation {
  const earlier = context.earlier.get(rule.id);
  return evaluateBuild(
    printer,
    rule,
    (build) =>
      (earlier && alreadyHandled(earlier, printer, build, context)) ??
      held(rule, build) ??
      outsidePercentage(printer, rule) ??
      optedOut(printer, build),
  );
}

/** Checks whether the printer is a target at all, and then for any other reason not to send the build that it would get. */
function evaluateBuild(
  printer: PrinterFacts,
  rule: RolloutRule,
  against: (build: Build) => Reason | null,
): Evaluation {
  const target = targetRefusal(printer, rule);
  if (target !== null) return { refused: target };
  const build = buildFor(rule, printer.platform);
  if (build === undefined) return { refused: 'no_build_for_platform' };
  const refused = against(build);
  return refused === null ? { due: build } : { refused };
}

const ENDED = {
  in_progress: 'already_in_progress',
  completed: 'already_completed',
  failed: 'already_failed',
} as const satisfies Record<Exclude<UpdateStatus, 'declined'>, Reason>;

/** Only a declined update is opened again: if its printer reconnects with auto_update on, or was never asked. */
function alreadyHandled(
  earlier: EarlierUpdate,
  printer: PrinterFacts,
  build: Build,
  context: UpdateContext,
): Reason | null {
  if (earlier.status !== 'declined') return ENDED[earlier.status];
  if (earlier.attempts === 0) return null;
  if (!printer.autoUpdate) return build.mandatory ? 'already_declined' : 'auto_update_off';
  return context.reconnecting && earlier.attempts < MAX_SENDS ? null : 'already_declined';
}

function held(rule: RolloutRule, build: Build): Reason | null {
  if (build.deprecated) return 'firmware_deprecated';
  if (build.damaged) return 'image_damaged';
  if (rule.status === 'scheduled') return 'not_yet_scheduled';
  return rule.status === 'paused' ? 'rollout_paused' : null;
}

function outsidePercentage(printer: PrinterFacts, rule: RolloutRule): Reason | null {
  // At 100 % every bucket is included, so there is no need to hash.
  if (rule.percentage >= 100) return null;
  return bucketOf(printer.uuid) < rule.percentage ? null : 'not_in_percentage';
}

function optedOut(printer: PrinterFacts, build: Build): Reason | null {
  return printer.autoUpdate || build.mandatory ? null : 'auto_update_off';
}

const CLOSENESS = Object.fromEntries(Object.keys(REASONS).map((reason, index) => [reason, index])) as Record<
  Reason,
  number
>;
