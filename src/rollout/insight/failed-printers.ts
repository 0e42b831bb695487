import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';
import { PrinterSelections } from '../../printer/list/printer-selections.js';

// Rows per turn of the event loop: a few milliseconds.
const BATCH = 500;

// Reads the partial index over failed updates. One that a retry has superseded will be sent again, so it no longer counts as failed.
const FAILED = `SELECT u.rollout_id, u.printer_id,
    NOT EXISTS (SELECT 1 FROM printer_update later WHERE later.printer_id = u.printer_id AND later.sequence > u.sequence)
  FROM printer_update u
  WHERE u.status = 'failed' AND u.superseded = false AND (u.rollout_id, u.printer_id) > (?, ?)
  ORDER BY u.rollout_id, u.printer_id LIMIT ${BATCH}`;

/** Finds the printers whose latest update failed, for lists of printers (`failed=true`). */
@Injectable()
export class FailedPrinters {
  constructor(
    private readonly database: Database,
    selections: PrinterSelections,
  ) {
    selections.provide('failed', () => this.ids());
  }

  /** The ids of all printers whose latest update failed, and has not been superseded by a retry. */
  async ids(): Promise<ReadonlySet<number>> {
    const ids = new Set<number>();
    let position: [rolloutId: number, printerId: number] = [0, 0];
    for (;;) {
      const rows = this.database.reader.allValues(FAILED, ...position);
      for (const [, printerId, isLatest] of rows) if (isLatest === 1) ids.add(Number(printerId));
      const last = rows.at(-1);
      if (last === undefined || rows.length < BATCH) return ids;
      position = [Number(last[0]), Number(last[1])];
      await nextTurn();
    }
  }
}
