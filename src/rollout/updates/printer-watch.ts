import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/transaction.js';
import type { PrinterObserver } from '../../printer/printer-observer.js';
import type { Printer } from '../../printer/printer.entity.js';
import { PrinterAdminService } from '../../printer/printer-admin.service.js';
import { PendingTargets } from './pending-targets.js';
import { RolloutProgress } from './rollout-progress.js';
import { UpdateLifecycle } from './update-lifecycle.js';
import { CancelledPending } from '../store/cancelled-pending.js';

const BLOCKED = 'blocked by an operator';

/**
 * Keeps rollouts in step with what operators do to printers: a blocked printer is no target any more, and what it was sent ends, so
 * that nothing waits for it. A deleted one leaves the counters: they count rows, and its rows go with it.
 */
@Injectable()
export class PrinterWatch implements PrinterObserver {
  constructor(
    printers: PrinterAdminService,
    private readonly pending: PendingTargets,
    private readonly progress: RolloutProgress,
    private readonly lifecycle: UpdateLifecycle,
    private readonly cancelledPending: CancelledPending,
  ) {
    printers.observe(this);
  }

  changed(tx: Transaction, before: Printer, after: Printer): void {
    this.pending.printerChanged(tx, before, after);
    if (before.blocked || !after.blocked) return;
    for (const update of this.lifecycle.live(tx.db, [after]).get(after.id) ?? [])
      if (update.status === 'in_progress') this.lifecycle.end(tx, update, 'failed', { error: BLOCKED });
  }

  beforeDelete(tx: Transaction, printer: Printer): void {
    this.pending.printerRemoved(tx, printer);
    const live = this.lifecycle.live(tx.db, [printer]).get(printer.id) ?? [];
    for (const { rolloutId, status, version } of live) {
      this.progress.count(tx, rolloutId, { [status]: -1 });
      this.progress.settleRollbacksOf(tx, version);
    }
    const counted = new Set(live.map(({ rolloutId }) => rolloutId));
    for (const rolloutId of this.cancelledPending.rolloutsOf(tx.db, printer.id))
      if (!counted.has(rolloutId)) this.progress.countPending(tx, rolloutId, printer.bucket, -1);
  }
}
