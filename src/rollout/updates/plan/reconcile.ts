import { versionKey } from '../../../common/version.js';
import type { Printer } from '../../../printer/printer.entity.js';
import { REASONS, evaluateResend } from '../../rules/decide.js';
import type { Reason } from '../../rules/decide.js';
import { MAX_SENDS } from '../../rules/status.js';
import type { PrinterUpdate } from '../../store/entities/printer-update.entity.js';
import type { PlanContext } from './context.js';
import { lastTaken, updateOf, withUpdate, withoutUpdate } from './printer-state.js';
import type { PrinterState } from './printer-state.js';
import type { Step } from './step.js';
import {
  AUTO_UPDATE_OFF,
  endUpdate,
  failUpdate,
  resetDeclined,
  sendAgain,
  waitForResume,
} from './update-steps.js';

/**
 * Settles what reports left open: the version that a printer subscribes with is the truth (decisions, "An update's life"). Sends the same
 * update once more if it is still due.
 *
 * @param before the printer as it was on record
 * @param pendingAtCancel true if the rollout of an update was cancelled while this printer was pending
 */
export function reconcile(
  context: PlanContext,
  before: Printer,
  state: PrinterState,
  pendingAtCancel: (rolloutId: number) => boolean,
): Step {
  const { printer } = state;
  const asked = !before.autoUpdate && printer.autoUpdate ? resetDeclined(state) : state;
  const last = lastTaken(asked);
  if (last === undefined) return { state: asked, send: null };
  const arrived = last.version === printer.firmwareVersion;
  if (last.status === 'in_progress' && !arrived) return sendAgainOrEnd(context, asked, last);
  return { state: settle(context, before, asked, last, arrived, pendingAtCancel), send: null };
}

/** Sends a connected printer what a pause held back, or ends that update if it may not be sent any more. */
export function reconcileHeldBack(context: PlanContext, state: PrinterState): Step {
  const held = state.updates.find((update) => update.sendOnResume && !update.superseded);
  if (held === undefined || context.rules.get(held.rolloutId)?.status === 'paused')
    return { state, send: null };
  return sendAgainOrEnd(context, state, held);
}

function settle(
  context: PlanContext,
  before: Printer,
  state: PrinterState,
  last: PrinterUpdate,
  arrived: boolean,
  pendingAtCancel: (rolloutId: number) => boolean,
): PrinterState {
  const { printer } = state;
  if (last.status === 'in_progress' || last.status === 'failed') {
    // A failed one took longer than the limit, or a retry was on its way: in the end it worked.
    if (!arrived) return state;
    const reinstated = last.superseded && isReinstated(context, state, last, pendingAtCancel);
    return endUpdate(context, state, last, { status: 'completed', error: null, confirmed: true, reinstated });
  }
  if (!last.confirmed)
    return arrived
      ? withUpdate(state, last, { confirmed: true })
      : failUpdate(context, state, last, `${cameBack(printer)} after reporting ${last.version}`);
  if (hasReverted(before, printer, last))
    return failUpdate(context, state, last, `went back to ${printer.firmwareVersion}`);
  return state;
}

/**
 * True if a failed update that a retry had replaced counts again: no other one has taken its place. A cancelled rollout counts its printers
 * as they were at the cancel, so one that was not pending then has no place in it.
 */
function isReinstated(
  { rules }: PlanContext,
  state: PrinterState,
  { rolloutId }: PrinterUpdate,
  pendingAtCancel: (rolloutId: number) => boolean,
): boolean {
  if (updateOf(state, rolloutId) !== undefined) return false;
  return rules.get(rolloutId) !== undefined || pendingAtCancel(rolloutId);
}

function sendAgainOrEnd(context: PlanContext, state: PrinterState, update: PrinterUpdate): Step {
  const { rules } = context;
  const { printer } = state;
  const rule = rules.get(update.rolloutId);
  const fail = (why: string): Step => ({
    state: failUpdate(context, state, update, `${cameBack(printer)}${why}`),
    send: null,
  });
  if (rule === undefined) return fail('; not sent again, for the rollout is cancelled');
  const evaluation = evaluateResend(rules.factsOf(printer), rule);
  if ('refused' in evaluation) {
    const waiting = endOrWait(context, state, update, evaluation.refused);
    return waiting
      ? { state: waiting, send: null }
      : fail(`; not sent again: ${REASONS[evaluation.refused]}`);
  }
  if (update.attempts >= MAX_SENDS) return fail(` after it was sent ${update.attempts} times`);
  return { state: sendAgain(context, state, update), send: { rule, build: evaluation.due } };
}

/** What becomes of an update in progress that its printer needs once more, and that must not be sent now; null if it fails. */
function endOrWait(
  context: PlanContext,
  state: PrinterState,
  update: PrinterUpdate,
  reason: Reason,
): PrinterState | null {
  switch (reason) {
    // A pause stops sends, and this would be one; the update waits for the resume, or for its limit.
    case 'rollout_paused':
      return waitForResume(context, state, update);
    case 'image_damaged':
      return withoutUpdate(state, update);
    case 'auto_update_off':
      return endUpdate(context, state, update, {
        status: 'declined',
        error: AUTO_UPDATE_OFF,
        onBehalf: true,
      });
    default:
      return null;
  }
}

/**
 * True if a boot loader has reverted late, after the printer had subscribed with the new version: it names an older version, or, after a
 * step down, the version that it was moved back from.
 */
function hasReverted(before: Printer, printer: Printer, last: PrinterUpdate): boolean {
  if (printer.firmwareVersion === null) return false;
  if (printer.versionKey < versionKey(last.version)) return true;
  return before.firmwareVersion === last.version && before.previousVersion === printer.firmwareVersion;
}

function cameBack({ firmwareVersion }: Printer): string {
  return `came back with ${firmwareVersion ?? 'a version that cannot be read'}`;
}
