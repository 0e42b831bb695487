import { Injectable } from '@nestjs/common';
import type { Sql } from '../../database/sql.js';
import { PrinterSelections } from '../../printer/list/printer-selections.js';

// Reads the partial index over failed updates. One that a retry has superseded will be sent again, so it no longer counts as failed.
const FAILED = `SELECT u.printer_id FROM printer_update u
  WHERE u.rollout_id > 0 AND u.status = 'failed' AND NOT u.superseded AND NOT EXISTS
    (SELECT 1 FROM printer_update later WHERE later.printer_id = u.printer_id AND later.sequence > u.sequence)`;

/** Finds the printers whose latest update failed, and has not been superseded by a retry, for lists of printers (`failed=true`). */
@Injectable()
export class FailedPrinters {
  constructor(selections: PrinterSelections) {
    selections.provide('failed', (sql) => this.ids(sql));
  }

  private async ids(sql: Sql): Promise<ReadonlySet<number>> {
    return new Set((await sql.values(FAILED)).map(([id]) => Number(id)));
  }
}
