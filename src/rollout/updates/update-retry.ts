import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';
import type { Table } from '../../database/table.js';
import type { Transaction } from '../../database/transaction.js';
import { Printer } from '../../printer/printer.entity.js';
import { targetRefusal } from '../rules/targeting.js';
import type { RolloutRule } from '../rules/targeting.js';
import { OperatorUpdates } from './operator-updates.js';
import { updateOf, withUpdate } from './plan/printer-state.js';

// Printers changed at a time: planning them blocks the event loop for a few milliseconds.
const SLICE = 200;

const FAILED = `JOIN printer_update u ON u.printer_id = printer.id
  WHERE u.rollout_id = ? AND u.status = 'failed' AND NOT u.superseded AND u.printer_id > ? ORDER BY u.printer_id LIMIT ?`;

/** Makes failed updates pending again. */
@Injectable()
export class UpdateRetry {
  private readonly printers: Table<Printer>;

  constructor(
    database: Database,
    private readonly updates: OperatorUpdates,
  ) {
    this.printers = database.table(Printer);
  }

  /**
   * Lets the failed updates of a rollout no longer count if their printers are still targets: these are pending again. Yields to the event
   * loop between slices; the transaction stays open, so that nothing overtakes it half-way.
   *
   * @returns the number of updates
   */
  async supersedeAll(tx: Transaction, rule: RolloutRule): Promise<number> {
    let count = 0;
    for (let after = 0; ;) {
      const printers = await this.printers.select(tx.sql, FAILED, rule.id, after, SLICE);
      await this.updates.change(tx, printers, (state, { rules }) => {
        const failed = updateOf(state, rule.id);
        if (failed === undefined || targetRefusal(rules.factsOf(state.printer), rule) !== null) return state;
        count += 1;
        return withUpdate(state, failed, { superseded: true });
      });
      if (printers.length < SLICE) return count;
      after = printers.at(-1)?.id ?? after;
    }
  }

  /** Lets one failed update no longer count: its printer, which must be a target, is pending again. */
  supersede(tx: Transaction, printer: Printer, updateId: number): Promise<void> {
    return this.updates.change(tx, [printer], (state) => {
      const failed = state.updates.find(({ id }) => id === updateId);
      return failed ? withUpdate(state, failed, { superseded: true }) : state;
    });
  }
}
