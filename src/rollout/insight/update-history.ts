import { Injectable } from '@nestjs/common';
import { NotFoundError } from '../../common/errors.js';
import { Database } from '../../database/database.js';
import type { Table } from '../../database/table.js';
import type { Printer } from '../../printer/printer.entity.js';
import { PrinterService } from '../../printer/printer.service.js';
import { PrinterDecision } from './printer-decision.js';
import { PrinterUpdate } from '../store/entities/printer-update.entity.js';
import type { SqlValue } from '../../database/sql.js';

/** An update that is due for a printer and has not been sent. It is not stored, but computed from the rollouts. */
export interface PendingUpdate {
  rolloutId: number;
  version: string;
}

/** An update in the history of its printer. */
export interface PastUpdate extends Omit<PrinterUpdate, 'rolloutId'> {
  /** Null once the rollout is deleted. */
  rolloutId: number | null;
}

/** The updates of one printer. */
export interface History {
  printer: Printer;
  pending: PendingUpdate | null;
  /** Newest first. */
  updates: PastUpdate[];
}

/** Reads what printers were sent, and computes what is due for them. */
@Injectable()
export class UpdateHistory {
  private readonly table: Table<PrinterUpdate>;

  constructor(
    private readonly database: Database,
    private readonly printers: PrinterService,
    private readonly decisions: PrinterDecision,
  ) {
    this.table = database.table(PrinterUpdate);
  }

  /**
   * The history of a printer.
   *
   * @param limit maximum number of entries, including the pending one
   */
  async of(printerKey: number | string, limit: number): Promise<History> {
    const printer = await this.printers.get(printerKey);
    const decision = await this.decisions.of(printer);
    const pending = decision.send ? { rolloutId: decision.rule.id, version: decision.rule.version } : null;
    return { printer, pending, updates: await this.past(printer, limit - (pending ? 1 : 0)) };
  }

  /**
   * One update of a printer.
   *
   * @throws NotFoundError if this printer has no such update
   */
  async one(printer: Printer, updateId: number): Promise<PastUpdate> {
    const [update] = await this.select('printer_id = ? AND printer_update.id = ?', printer.id, updateId);
    if (update === undefined) throw new NotFoundError(`Update not found: ${updateId}`);
    return update;
  }

  private async past(printer: Printer, limit: number): Promise<PastUpdate[]> {
    return this.select('printer_id = ? ORDER BY sequence DESC LIMIT ?', printer.id, limit);
  }

  private async select(where: string, ...values: SqlValue[]): Promise<PastUpdate[]> {
    const rows = await this.database.committed.values(
      `SELECT ${this.table.columns}, rollout.id FROM printer_update
        LEFT JOIN rollout ON rollout.id = printer_update.rollout_id WHERE ${where}`,
      ...values,
    );
    return rows.map((row) => {
      const liveRolloutId = row.at(-1) ?? null;
      return {
        ...this.table.entity(row),
        rolloutId: liveRolloutId === null ? null : Number(liveRolloutId),
      };
    });
  }
}
