import type { Printer } from '../../../printer/printer.entity.js';
import type { PrinterUpdate } from '../../store/entities/printer-update.entity.js';

/** A printer, and every update that it was sent or that was declined on its behalf. Never changed: a change makes a new state. */
export interface PrinterState {
  /** Its number is 0 until it is saved for the first time. */
  readonly printer: Printer;
  /** In the order of `sequence`. The number of one that is not saved yet is 0. */
  readonly updates: readonly PrinterUpdate[];
}

/** The state with some columns of its printer changed. */
export function withPrinter(state: PrinterState, columns: Partial<Printer>): PrinterState {
  return { ...state, printer: { ...state.printer, ...columns } };
}

/** The state with some columns of one of its updates changed. */
export function withUpdate(
  state: PrinterState,
  update: PrinterUpdate,
  columns: Partial<PrinterUpdate>,
): PrinterState {
  const changed = { ...update, ...columns };
  const updates = state.updates.map((one) => (one === update ? changed : one));
  if (changed.sequence !== update.sequence) updates.sort((a, b) => a.sequence - b.sequence);
  return { ...state, updates };
}

/** The state with one more update, which is the newest. */
export function withNewUpdate(state: PrinterState, update: PrinterUpdate): PrinterState {
  return { ...state, updates: [...state.updates, update] };
}

/** The state without one of its updates. */
export function withoutUpdate(state: PrinterState, update: PrinterUpdate): PrinterState {
  return { ...state, updates: state.updates.filter((one) => one !== update) };
}

/** The number that puts an update behind all others. */
export function nextSequence({ updates }: PrinterState): number {
  return (updates.at(-1)?.sequence ?? 0) + 1;
}

/** The update that counts for a rollout. */
export function updateOf({ updates }: PrinterState, rolloutId: number): PrinterUpdate | undefined {
  return updates.find((update) => update.rolloutId === rolloutId && !update.superseded);
}

/** The update in progress; a printer has at most one. */
export function updateInProgress({ updates }: PrinterState): PrinterUpdate | undefined {
  return updates.find(({ status }) => status === 'in_progress');
}

/** The update that the printer took last; a declined one was not taken. */
export function lastTaken({ updates }: PrinterState): PrinterUpdate | undefined {
  return updates.findLast(({ status }) => status !== 'declined');
}

/** The update to a version that the printer took last. */
export function lastTakenTo({ updates }: PrinterState, version: string): PrinterUpdate | undefined {
  return updates.findLast((update) => update.status !== 'declined' && update.version === version);
}

/** The update that was sent last, to any version or to this one. */
export function lastSent({ updates }: PrinterState, version: string | null): PrinterUpdate | undefined {
  return updates.findLast(
    (update) => update.attempts > 0 && (version === null || update.version === version),
  );
}
