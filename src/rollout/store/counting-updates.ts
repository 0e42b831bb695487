import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';
import { IN_INTEGERS, jsonList } from '../../database/sql.js';
import type { Table } from '../../database/table.js';
import { PrinterUpdate } from './entities/printer-update.entity.js';
import type { Sql } from '../../database/sql.js';

const OF_PRINTERS = `WHERE printer_id ${IN_INTEGERS} AND superseded = false`;

/** Reads the updates that count for their rollouts: those that no retry has replaced. */
@Injectable()
export class CountingUpdates {
  private readonly table: Table<PrinterUpdate>;

  constructor(private readonly database: Database) {
    this.table = database.table(PrinterUpdate);
  }

  /** Those of one printer, as committed. */
  async ofPrinter(printerId: number): Promise<PrinterUpdate[]> {
    return this.table.select(this.database.committed, OF_PRINTERS, jsonList([printerId]));
  }

  /** Those of some printers, by the number of the printer; a printer that has none is left out. */
  async ofPrinters(sql: Sql, printerIds: readonly number[]): Promise<Map<number, PrinterUpdate[]>> {
    const byPrinter = new Map<number, PrinterUpdate[]>();
    for (const update of await this.table.select(sql, OF_PRINTERS, jsonList(printerIds))) {
      const others = byPrinter.get(update.printerId);
      if (others) others.push(update);
      else byPrinter.set(update.printerId, [update]);
    }
    return byPrinter;
  }
}
