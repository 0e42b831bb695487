import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';
import { LIST, jsonList } from '../../database/sql.js';
import type { Statements } from '../../database/statements.js';
import type { Table } from '../../database/table.js';
import { PrinterUpdate } from './entities/printer-update.entity.js';

const OF_PRINTERS = `WHERE printer_id IN ${LIST} AND superseded = false`;

/** Reads the updates that count for their rollouts: those that no retry has replaced. */
@Injectable()
export class CountingUpdates {
  private readonly table: Table<PrinterUpdate>;

  constructor(private readonly database: Database) {
    this.table = database.table(PrinterUpdate);
  }

  /** Those of one printer, as committed. */
  ofPrinter(printerId: number): PrinterUpdate[] {
    return this.table.select(this.database.reader, OF_PRINTERS, jsonList([printerId]));
  }

  /** Those of some printers, by the number of the printer; a printer that has none is left out. */
  ofPrinters(db: Statements, printerIds: readonly number[]): Map<number, PrinterUpdate[]> {
    const byPrinter = new Map<number, PrinterUpdate[]>();
    for (const update of this.table.select(db, OF_PRINTERS, jsonList(printerIds))) {
      const others = byPrinter.get(update.printerId);
      if (others) others.push(update);
      else byPrinter.set(update.printerId, [update]);
    }
    return byPrinter;
  }
}
