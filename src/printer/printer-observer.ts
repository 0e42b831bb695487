import type { Transaction } from '../database/transaction.js';
import type { Printer } from './printer.entity.js';

/**
 * Work of another feature when an operator changes or deletes a printer. Rollouts depend on printers, never the other way round, so they
 * register themselves here.
 */
export interface PrinterObserver {
  /** Called after an operator has changed a printer, in the same transaction. */
  changed(tx: Transaction, before: Printer, after: Printer): Promise<void>;

  /** Called before a printer and everything that refers to it is deleted, in the same transaction. */
  beforeDelete(tx: Transaction, printer: Printer): Promise<void>;
}
