import { Injectable } from '@nestjs/common';
import { Changes } from '../database/changes.js';
import type { Transaction } from '../database/transaction.js';
import { PrinterService } from '../printer/printer.service.js';
import { targetRefusal } from './domain/targeting.js';
import type { RolloutRule } from './domain/targeting.js';
import { RolloutProgress } from './rollout-progress.js';
import { RolloutRules } from './rollout-rules.js';

// So many rows are changed in one transaction: a few milliseconds.
const SLICE = 500;

const FAILED = `SELECT id, printer_id FROM printer_update
  WHERE rollout_id = ? AND status = 'failed' AND NOT superseded AND printer_id > ? ORDER BY printer_id LIMIT ?`;

/** Gives failed updates another chance. */
@Injectable()
export class UpdateRetry {
  constructor(
    private readonly rules: RolloutRules,
    private readonly progress: RolloutProgress,
    private readonly printers: PrinterService,
    private readonly changes: Changes,
  ) {}

  /**
   * Takes a slice of the failed updates of a rollout out of account, those whose printers are still targets: these are pending again.
   *
   * @param after number of the last printer of the slice before
   * @returns how many, and where the next slice begins; null behind the last one
   */
  supersedeSlice(tx: Transaction, rule: RolloutRule, after: number): { count: number; next: number | null } {
    const rules = this.rules.current(tx);
    const rows = tx.db.all(FAILED, rule.id, after, SLICE);
    const due = rows.filter((row) => {
      const printer = this.printers.byId(tx.db, Number(row.printer_id));
      return printer !== null && targetRefusal(rules.factsOf(printer), rule) === null;
    });
    for (const row of due) {
      tx.db.run('UPDATE printer_update SET superseded = true WHERE id = ?', Number(row.id));
      this.changes.printerIn(tx, Number(row.printer_id));
    }
    if (due.length > 0) this.progress.count(tx, rule.id, { failed: -due.length, pending: due.length });
    return { count: due.length, next: rows.length < SLICE ? null : Number(rows.at(-1)?.printer_id) };
  }
}
