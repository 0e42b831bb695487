import { REASONS } from '../../rules/decide.js';
import type { PrinterUpdate } from '../../store/entities/printer-update.entity.js';
import type { UpdateEnd } from '../../store/rollout.events.js';
import type { PrinterState } from './printer-state.js';

/** The updates of a printer that one job has ended. */
export function endingsOf(before: PrinterState | null, after: PrinterState): UpdateEnd[] {
  const old = before?.updates ?? [];
  if (old === after.updates) return [];
  const endings: UpdateEnd[] = [];
  // A new printer has no number until it is saved.
  const printer = after.printer.id === 0 ? after.printer.uuid : after.printer.id;
  for (const update of after.updates) {
    const { status, version } = update;
    if (status === 'in_progress') continue;
    const was = old.find((one) => isSame(one, update));
    if (was?.status === status) continue;
    const seconds = ((update.completedAt ?? update.startedAt).getTime() - update.startedAt.getTime()) / 1_000;
    const reason = update.errorMessage === null ? '' : `: ${update.errorMessage}`;
    const name = was === undefined ? 'Update' : nameOf(update);
    const description = `${name} of printer ${printer} to ${version} ${status}${reason}`;
    endings.push({ status, seconds, description });
  }
  for (const update of old) {
    if (after.updates.some((one) => isSame(one, update))) continue;
    const { version } = update;
    const description = `${nameOf(update)} of printer ${printer} to ${version} waits: ${REASONS.image_damaged}`;
    endings.push({ status: null, seconds: 0, description });
  }
  return endings;
}

/** An update that is not saved yet has no number. */
function nameOf({ id }: PrinterUpdate): string {
  return id === 0 ? 'Update' : `Update ${id}`;
}

/** True for two states of one update. An update that is not saved yet has no number, and keeps its sequence until it is. */
function isSame(a: PrinterUpdate, b: PrinterUpdate): boolean {
  return a.id === b.id && (a.id !== 0 || a.sequence === b.sequence);
}
