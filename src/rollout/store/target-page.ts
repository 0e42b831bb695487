import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PrinterUpdate } from './entities/printer-update.entity.js';

/** A target of a rollout; its update is null where it was sent nothing yet. */
export interface Target {
  printerId: number;
  update: PrinterUpdate | null;
}

/** Some targets, by the numbers of their printers, and behind which number the next begin; null where there are no more. */
export interface Targets {
  targets: Target[];
  next: number | null;
}

/** So many rows are read before the event loop is given back: a few milliseconds. */
export const SLICE = 500;
/** So many are looked at for one page, of which few may be what is listed. */
export const MAX_ROWS_SCANNED = 5_000;

/**
 * Reads slices until a page is full, there is nothing more, or enough has been looked at.
 *
 * @param read looks at `SLICE` rows behind a number
 */
export async function readPage(
  limit: number,
  after: number,
  read: (after: number) => Targets,
): Promise<Targets> {
  const targets: Target[] = [];
  let from = after;
  for (let looked = SLICE; ; looked += SLICE) {
    const slice = read(from);
    targets.push(...slice.targets);
    if (targets.length > limit) {
      const page = targets.slice(0, limit);
      return { targets: page, next: page.at(-1)?.printerId ?? null };
    }
    if (slice.next === null || looked >= MAX_ROWS_SCANNED) return { targets, next: slice.next };
    from = slice.next;
    await nextTurn();
  }
}
