import { evaluateResend } from '../../rules/decide.js';
import type { UpdateContext } from '../../rules/decide.js';
import { canTransition } from '../../rules/status.js';
import type { UpdateStatus } from '../../rules/status.js';
import type { Build, RolloutRule } from '../../rules/targeting.js';
import type { PrinterUpdate } from '../../store/entities/printer-update.entity.js';
import type { RuleSet } from '../../store/rule-set.js';
import type { PlanContext } from './context.js';
import { nextSequence, updateInProgress, updateOf, withNewUpdate, withUpdate } from './printer-state.js';
import type { PrinterState } from './printer-state.js';

/** The reason that is recorded if a printer has its updates switched off. */
export const AUTO_UPDATE_OFF = 'auto_update is off';
/** The build of an update that was declined on its printer's behalf: none was sent. */
const NO_BUILD = 0;
const COMPLETED_MESSAGE = 'Update completed successfully';

/** How an update ends. */
export interface Outcome {
  status: Exclude<UpdateStatus, 'in_progress'>;
  /** Why it did not complete; null if it did. */
  error: string | null;
  /** Percent to record; absent: as it was. */
  percent?: number;
  /** True if the version at a subscribe has proved it. */
  confirmed?: boolean;
  /** True if it is declined on the printer's behalf: the printer was not asked, and is asked again when that changes. */
  onBehalf?: boolean;
  /** True if it counts for its rollout again, although a retry had replaced it. */
  reinstated?: boolean;
}

/** Opens an update that is about to be sent; one that was declined is opened again. */
export function openUpdate(
  context: PlanContext,
  state: PrinterState,
  rule: RolloutRule,
  build: Build,
): PrinterState {
  const { now, serviceTime } = context;
  const declined = updateOf(state, rule.id);
  if (declined === undefined) return withNewUpdate(state, newUpdate(context, state, rule, build.firmwareId));
  requireTransition(declined, 'in_progress');
  return withUpdate(state, declined, {
    firmwareId: build.firmwareId,
    status: 'in_progress',
    errorMessage: null,
    lastStatusMessage: null,
    lastPercent: 0,
    startedAt: now,
    lastHeard: serviceTime,
    lastSent: serviceTime,
    completedAt: null,
    attempts: declined.attempts + 1,
    sequence: nextSequence(state),
  });
}

/** Records that a printer with auto_update off was spared an update. */
export function declineOnBehalf(context: PlanContext, state: PrinterState, rule: RolloutRule): PrinterState {
  return withNewUpdate(state, {
    ...newUpdate(context, state, rule, NO_BUILD),
    status: 'declined',
    attempts: 0,
    errorMessage: AUTO_UPDATE_OFF,
    lastStatusMessage: AUTO_UPDATE_OFF,
    completedAt: context.now,
  });
}

/** Ends an update, or changes its outcome if the table of states allows that. */
export function endUpdate(
  context: PlanContext,
  state: PrinterState,
  update: PrinterUpdate,
  outcome: Outcome,
): PrinterState {
  const { status, error } = outcome;
  requireTransition(update, status);
  return withUpdate(state, update, {
    status,
    errorMessage: error,
    lastStatusMessage: error ?? COMPLETED_MESSAGE,
    lastPercent: status === 'completed' ? 100 : (outcome.percent ?? update.lastPercent),
    confirmed: outcome.confirmed ?? false,
    sendOnResume: false,
    attempts: outcome.onBehalf ? 0 : update.attempts,
    superseded: outcome.reinstated ? false : update.superseded,
    // Not before it began, even if the clock was set back in the meantime.
    completedAt: context.now < update.startedAt ? update.startedAt : context.now,
  });
}

/** Ends an update as failed. */
export function failUpdate(
  context: PlanContext,
  state: PrinterState,
  update: PrinterUpdate,
  error: string,
): PrinterState {
  return endUpdate(context, state, update, { status: 'failed', error });
}

/**
 * Ends the update in progress before another one is sent: only an update of a cancelled rollout lets another one past it
 * (`updateContextOf`).
 */
export function endCancelled(context: PlanContext, state: PrinterState, next: RolloutRule): PrinterState {
  const update = updateInProgress(state);
  if (update === undefined) return state;
  const error = `its rollout was cancelled, and ${next.version} was sent instead`;
  return failUpdate(context, state, update, error);
}

/** Records one more send of an update in progress. */
export function sendAgain(context: PlanContext, state: PrinterState, update: PrinterUpdate): PrinterState {
  const { serviceTime } = context;
  return withUpdate(state, update, {
    attempts: update.attempts + 1,
    sendOnResume: false,
    lastHeard: serviceTime,
    lastSent: serviceTime,
  });
}

/** Records that the printer is there and needs the update once more, which a pause forbids. */
export function waitForResume(
  context: PlanContext,
  state: PrinterState,
  update: PrinterUpdate,
): PrinterState {
  return withUpdate(state, update, { sendOnResume: true, lastHeard: context.serviceTime });
}

/** Resets the number of sends of declined updates: the printer has switched auto_update on, and is asked again. */
export function resetDeclined(state: PrinterState): PrinterState {
  const isReset = ({ status, attempts }: PrinterUpdate): boolean => status === 'declined' && attempts > 0;
  if (!state.updates.some(isReset)) return state;
  const updates = state.updates.map((update) => (isReset(update) ? { ...update, attempts: 0 } : update));
  return { ...state, updates };
}

/**
 * True if an update could not be installed because its image is damaged, and nothing else stands against sending it: it is sent again
 * once the image is mended.
 */
export function isImageDamaged(
  { rules }: PlanContext,
  { printer }: PrinterState,
  update: PrinterUpdate,
): boolean {
  const rule = rules.get(update.rolloutId);
  if (rule === undefined) return false;
  const evaluation = evaluateResend(rules.factsOf(printer), rule);
  return 'refused' in evaluation && evaluation.refused === 'image_damaged';
}

/** What the earlier updates of a printer mean for a decision. */
export function updateContextOf(
  all: readonly PrinterUpdate[],
  rules: RuleSet,
  reconnecting: boolean,
): UpdateContext {
  const updates = all.filter(({ superseded }) => !superseded);
  return {
    earlier: new Map(updates.map(({ rolloutId, status, attempts }) => [rolloutId, { status, attempts }])),
    busy: updates.some((update) => keepsBusy(update) && !givesWay(update, rules)),
    reconnecting,
  };
}

/** True while nothing else may be sent: after `firmware_complete` the board reboots, and what it runs is known when it is back. */
function keepsBusy({ status, confirmed }: PrinterUpdate): boolean {
  return status === 'in_progress' || (status === 'completed' && !confirmed);
}

/** True for an update in progress through a rollout that is cancelled or deleted: it must not hold up the repair. */
function givesWay({ status, rolloutId }: PrinterUpdate, rules: RuleSet): boolean {
  return status === 'in_progress' && rules.get(rolloutId) === undefined;
}

// One literal: merging several objects costs ten times as much.
function newUpdate(
  { now, serviceTime }: PlanContext,
  state: PrinterState,
  { id, version }: RolloutRule,
  firmwareId: number,
): PrinterUpdate {
  return {
    id: 0,
    rolloutId: id,
    printerId: state.printer.id,
    firmwareId,
    version,
    status: 'in_progress',
    attempts: 1,
    sendOnResume: false,
    confirmed: false,
    superseded: false,
    errorMessage: null,
    startedAt: now,
    completedAt: null,
    lastPercent: 0,
    lastStatusMessage: null,
    lastHeard: serviceTime,
    lastSent: serviceTime,
    sequence: nextSequence(state),
  };
}

function requireTransition({ id, status }: PrinterUpdate, to: UpdateStatus): void {
  if (!canTransition(status, to)) throw new Error(`Update ${id} cannot go from ${status} to ${to}`);
}
