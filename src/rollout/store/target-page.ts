import { cutPage } from '../../database/page.js';
import type { Page } from '../../database/page.js';
import type { PrinterUpdate } from './entities/printer-update.entity.js';

/** A target of a rollout; its update is null if it was sent nothing yet. */
export interface Target {
  printerId: number;
  update: PrinterUpdate | null;
}

/** Some targets in the order of their printers' numbers; the cursor is the number of a printer. */
export type Targets = Page<Target>;

/** Rows per statement. */
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
  read: (after: number) => Promise<Targets>,
): Promise<Targets> {
  const targets: Target[] = [];
  let from = after;
  for (let looked = SLICE; ; looked += SLICE) {
    const slice = await read(from);
    targets.push(...slice.rows);
    if (targets.length > limit) return cutPage(targets, limit, ({ printerId }) => printerId);
    if (slice.nextCursor === null || looked >= MAX_ROWS_SCANNED)
      return { rows: targets, nextCursor: slice.nextCursor };
    from = slice.nextCursor;
  }
}
