import type { Transaction } from '../database/transaction.js';
import type { Printer } from './printer.entity.js';

/**
 * What another feature has to do when an operator changes or deletes a printer. Rollouts depend on printers and never the other way round, so they register
 * themselves here.
 */
export interface PrinterObserver {
  /** Called after an operator has changed a printer, in the same transaction. */
  changed(tx: Transaction, before: Printer, after: Printer): Promise<void>;

  /** Called before a printer is deleted, with all that hangs on it, in the same transaction. */
  beforeDelete(tx: Transaction, printer: Printer): Promise<void>;
}
