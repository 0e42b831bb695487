import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PrinterUpdate } from './entities/printer-update.entity.js';

/** A target of a rollout; its update is null if it was sent nothing yet. */
export interface Target {
  printerId: number;
  update: PrinterUpdate | null;
}

/** Some targets in the order of their printers' numbers, and the number after which the next ones begin; null if there are no more. */
export interface Targets {
  targets: Target[];
  next: number | null;
}

/** Rows per turn of the event loop: a few milliseconds. */
export const SLICE = 500;
/** Maximum rows scanned for one page, because few of them may belong on it. */
export const MAX_ROWS_SCANNED = 5_000;

/**
 * Reads slices until a page is full, nothing is left, or `MAX_ROWS_SCANNED` rows have been read.
 *
 * @param read reads `SLICE` rows after a number
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
