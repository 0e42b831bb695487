import type { SqlValue, Statements } from '../../database/statements.js';
import type { Table } from '../../database/table.js';
import type { PrinterUpdate } from '../store/entities/printer-update.entity.js';

/** True while nothing else may be sent: after `firmware_complete` the board reboots, and what it runs is known when it is back. */
export function keepsBusy({ status, confirmed }: PrinterUpdate): boolean {
  return status === 'in_progress' || (status === 'completed' && !confirmed);
}

/** Finds, of a printer's updates that meet a condition, the one that it was sent last. */
export class LatestUpdate {
  private readonly newest: string;

  /** @param condition SQL over `printer_update`; its values follow the printer's number */
  constructor(
    private readonly table: Table<PrinterUpdate>,
    condition: string,
  ) {
    this.newest = `WHERE printer_id = ? AND ${condition} ORDER BY sequence DESC LIMIT 1`;
  }

  find(db: Statements, printerId: number, ...values: SqlValue[]): PrinterUpdate | null {
    return this.table.find(db, this.newest, printerId, ...values);
  }
}
