import { ValidationError } from '../../../common/errors.js';
import type { PrinterUpdate } from '../../store/entities/printer-update.entity.js';
import type { PlanContext } from './context.js';
import { lastSent, updateInProgress, withPrinter, withUpdate, withoutUpdate } from './printer-state.js';
import type { PrinterState } from './printer-state.js';
import { AUTO_UPDATE_OFF, endUpdate, failUpdate, isImageDamaged } from './update-steps.js';

/** What a printer reports of an update (printer protocol, "Reports"); versions are canonical, and what it does not say is null. */
export type Report =
  | { kind: 'progress'; percent: number | null; status: string | null }
  | { kind: 'complete'; version: string | null }
  | { kind: 'failed'; error: string }
  | { kind: 'declined'; version: string | null; autoUpdate: boolean | null };

// Printer protocol, "Reports": percent is -1 for an error.
const ERROR_PERCENT = -1;

/** True for a progress report that says that the update has failed. */
export function isFailure(report: Report): boolean {
  return report.kind === 'progress' && report.percent === ERROR_PERCENT;
}

/**
 * Takes in a report. A repeated, late or out-of-order report changes nothing twice.
 *
 * @returns the new state, or why the report is refused: the printer was never sent what it speaks of
 */
export function takeReport(
  context: PlanContext,
  state: PrinterState,
  report: Report,
): PrinterState | ValidationError {
  if (report.kind === 'progress' && !isFailure(report)) {
    const inProgress = updateInProgress(state);
    if (inProgress !== undefined) return progress(context, state, inProgress, report);
  }
  const version = 'version' in report ? report.version : null;
  const update = lastSent(state, version);
  if (update === undefined) return neverSent(report, version);
  if (update.status === 'in_progress') return end(context, state, update, report);
  return explainFailure(state, update, report);
}

function progress(
  { serviceTime }: PlanContext,
  state: PrinterState,
  update: PrinterUpdate,
  { percent, status }: Extract<Report, { kind: 'progress' }>,
): PrinterState {
  return withUpdate(state, update, {
    lastPercent: percent ?? update.lastPercent,
    lastStatusMessage: status ?? update.lastStatusMessage,
    lastHeard: serviceTime,
  });
}

function end(context: PlanContext, state: PrinterState, update: PrinterUpdate, report: Report): PrinterState {
  switch (report.kind) {
    case 'complete':
      return endUpdate(context, state, update, { status: 'completed', error: null });
    case 'declined':
      return decline(context, state, update, report.autoUpdate);
    case 'progress':
    case 'failed':
      // A download that the server refused because the image is damaged is no failure of the printer: its update waits.
      if (isImageDamaged(context, state, update)) return withoutUpdate(state, update);
      return report.kind === 'failed'
        ? failUpdate(context, state, update, report.error)
        : endUpdate(context, state, update, {
            status: 'failed',
            error: report.status ?? 'The printer reported an error',
            percent: ERROR_PERCENT,
          });
  }
}

function decline(
  context: PlanContext,
  state: PrinterState,
  update: PrinterUpdate,
  autoUpdate: boolean | null,
): PrinterState {
  const error = autoUpdate === false ? AUTO_UPDATE_OFF : 'declined by the printer';
  const declined = endUpdate(context, state, update, { status: 'declined', error });
  return autoUpdate === null ? declined : withPrinter(declined, { autoUpdate });
}

/**
 * No report changes a final state: it is a repetition, or comes too late. But a `firmware_failed` after a progress of -1 often says more
 * about the same failure.
 */
function explainFailure(state: PrinterState, update: PrinterUpdate, report: Report): PrinterState {
  if (report.kind !== 'failed' || update.status !== 'failed' || update.lastPercent !== ERROR_PERCENT)
    return state;
  return withUpdate(state, update, { errorMessage: report.error });
}

function neverSent(report: Report, version: string | null): ValidationError {
  if (version !== null)
    return ValidationError.field('version', version, 'no update to this version was sent to this printer');
  return ValidationError.field('kind', `firmware_${report.kind}`, 'no update was sent to this printer');
}
