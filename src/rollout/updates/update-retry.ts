import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Changes } from '../../database/changes.js';
import type { Transaction } from '../../database/transaction.js';
import { PrinterService } from '../../printer/printer.service.js';
import { targetRefusal } from '../rules/targeting.js';
import type { RolloutRule } from '../rules/targeting.js';
import { RolloutProgress } from './rollout-progress.js';
import { RolloutRules } from '../store/rollout-rules.js';

// Rows changed before the event loop is given back: a few milliseconds.
const SLICE = 500;

const FAILED = `SELECT id, printer_id FROM printer_update
  WHERE rollout_id = ? AND status = 'failed' AND NOT superseded AND printer_id > ? ORDER BY printer_id LIMIT ?`;
const SUPERSEDE = 'UPDATE printer_update SET superseded = true WHERE id IN (SELECT value FROM json_each(?))';

/** A failed update, and whose it is. */
interface FailedUpdate {
  id: number;
  printerId: number;
}

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
   * Takes the failed updates of a rollout out of account whose printers are still targets: these are pending again. Gives the event loop
   * back between slices; the transaction stays open, so that nothing overtakes it half-way.
   *
   * @returns how many
   */
  async supersedeAll(tx: Transaction, rule: RolloutRule): Promise<number> {
    const rules = this.rules.current(tx);
    let count = 0;
    for (let after = 0; ;) {
      const failed = tx.db
        .allValues(FAILED, rule.id, after, SLICE)
        .map(([id, printerId]) => ({ id: Number(id), printerId: Number(printerId) }));
      const ids = failed.map(({ printerId }) => printerId);
      const targets = new Set(
        this.printers
          .byIds(tx.db, ids)
          .filter((printer) => targetRefusal(rules.factsOf(printer), rule) === null)
          .map(({ id }) => id),
      );
      const due = failed.filter(({ printerId }) => targets.has(printerId));
      this.supersede(tx, rule.id, due);
      count += due.length;
      if (failed.length < SLICE) return count;
      after = ids.at(-1) ?? after;
      await nextTurn();
    }
  }

  /** Takes failed updates of a rollout out of account, whose printers are pending again. */
  supersede(tx: Transaction, rolloutId: number, failed: readonly FailedUpdate[]): void {
    if (failed.length === 0) return;
    tx.db.run(SUPERSEDE, JSON.stringify(failed.map(({ id }) => id)));
    for (const { printerId } of failed) this.changes.printerIn(tx, printerId);
    const printers = failed.map(({ printerId }) => printerId);
    this.progress.countPendingOf(tx, rolloutId, printers, 1, 'failed');
  }
}
