import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/unit-of-work.js';
import { PrinterService } from '../printer/printer.service.js';
import { targetRefusal } from './domain/targeting.js';
import type { RolloutRule } from './domain/targeting.js';
import { RolloutProgress } from './rollout-progress.js';
import { RolloutRules } from './rollout-rules.js';

// So many rows are changed before the event loop is given back.
const SLICE = 500;

const FAILED = `SELECT id, printer_id FROM printer_update
  WHERE rollout_id = ? AND status = 'failed' AND superseded = false AND id > ? ORDER BY id LIMIT ?`;

/** Gives failed updates another chance. */
@Injectable()
export class UpdateRetry {
  constructor(
    private readonly rules: RolloutRules,
    private readonly progress: RolloutProgress,
    private readonly printers: PrinterService,
  ) {}

  /**
   * Takes the failed updates of a rollout out of account whose printers are still targets: these are pending again.
   *
   * @returns how many
   */
  async supersedeFailed(tx: Transaction, rule: RolloutRule): Promise<number> {
    const rules = this.rules.current(tx);
    let superseded = 0;
    let after = 0;
    for (;;) {
      const rows = tx.db.all(FAILED, rule.id, after, SLICE);
      for (const row of rows) {
        after = Number(row.id);
        const printer = this.printers.byId(tx.db, Number(row.printer_id));
        if (printer === null || targetRefusal(rules.factsOf(printer), rule) !== null) continue;
        tx.db.run('UPDATE printer_update SET superseded = true WHERE id = ?', after);
        superseded += 1;
      }
      if (rows.length < SLICE) break;
      await nextTurn();
    }
    this.progress.count(tx, rule.id, { failed: -superseded, pending: superseded });
    return superseded;
  }
}
