import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/transaction.js';
import type { PrinterObserver } from '../printer/printer-observer.js';
import type { Printer } from '../printer/printer.entity.js';
import { PrinterAdminService } from '../printer/printer-admin.service.js';
import { PendingTargets } from './pending-targets.js';
import { RolloutProgress } from './rollout-progress.js';
import { UpdateJournal } from './update-journal.js';

/** Takes a printer that is deleted out of the counters: they count rows, and its rows go with it. */
@Injectable()
export class PrinterWatch implements PrinterObserver {
  constructor(
    printers: PrinterAdminService,
    private readonly pending: PendingTargets,
    private readonly progress: RolloutProgress,
    private readonly journal: UpdateJournal,
  ) {
    printers.observe(this);
  }

  beforeDelete(tx: Transaction, printer: Printer): void {
    this.pending.printerRemoved(tx, printer);
    for (const { rolloutId, status } of this.journal.live(tx.db, [printer]).get(printer.id) ?? [])
      this.progress.count(tx, rolloutId, { [status]: -1 });
  }
}
