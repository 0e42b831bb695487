import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../../database/transaction.js';
import type { PrinterObserver } from '../../../printer/printer-observer.js';
import type { Printer } from '../../../printer/printer.entity.js';
import { PrinterAdminService } from '../../../printer/printer-admin.service.js';
import { CancelledPending } from '../../store/cancelled-pending.js';
import { RolloutRules } from '../../store/rollout-rules.js';
import { FleetStore } from '../fleet-store.js';
import { OperatorUpdates } from '../operator-updates.js';
import { RolloutDeltas } from '../plan/counters.js';
import { updateInProgress } from '../plan/printer-state.js';
import { failUpdate } from '../plan/update-steps.js';

const BLOCKED = 'blocked by an operator';

/**
 * Keeps rollouts in step with what operators do to printers: a blocked printer is no longer a target, and its update ends, so that nothing
 * waits for it. A deleted one leaves the counters: they count rows, and its rows are deleted with it.
 */
@Injectable()
export class PrinterWatch implements PrinterObserver {
  constructor(
    printers: PrinterAdminService,
    private readonly store: FleetStore,
    private readonly updates: OperatorUpdates,
    private readonly rules: RolloutRules,
    private readonly cancelledPending: CancelledPending,
  ) {
    printers.observe(this);
  }

  async changed(tx: Transaction, before: Printer, after: Printer): Promise<void> {
    await this.updates.change(tx, [before], (state, context) => {
      const changed = { ...state, printer: after };
      const update = updateInProgress(changed);
      const isBlockedNow = after.blocked && !before.blocked;
      return isBlockedNow && update ? failUpdate(context, changed, update, BLOCKED) : changed;
    });
  }

  async beforeDelete(tx: Transaction, printer: Printer): Promise<void> {
    const [state] = await this.store.withUpdates(tx.sql, [printer]);
    if (state === undefined) return;
    const deltas = new RolloutDeltas(await this.rules.current(tx));
    deltas.deleted(state, await this.cancelledPending.rolloutsOf(tx.sql, printer.id));
    // A rollback that only waited for this printer is completed once its rows are gone.
    tx.beforeCommit(() => this.store.addDeltas(tx, deltas));
  }
}
