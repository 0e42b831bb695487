import type { Transaction } from '../database/transaction.js';
import type { Firmware } from './firmware.entity.js';

/**
 * What another feature wants to know of changes to firmware, and may say against them. Rollouts depend on firmware and
 * never the other way round, so they register themselves here.
 */
export interface FirmwareObserver {
  /** Called before rows are deleted, in the same transaction; throws where they are still needed. */
  beforeDelete(tx: Transaction, rows: readonly Firmware[]): void;
  /** Called after rows of a version were added, changed or deleted, in the same transaction. */
  changed(tx: Transaction, version: string): Promise<void>;
  /** Called when a printer begins to fetch a binary. */
  downloadBegun(row: Firmware, printerId: number): Promise<void>;
}
