import type { Transaction } from '../database/transaction.js';
import type { Firmware } from './firmware.entity.js';

/**
 * Hooks for features that react to firmware changes, and may veto a deletion. Rollouts depend on firmware and never the other way round, so
 * they register themselves here.
 */
export interface FirmwareObserver {
  /**
   * Called before rows of one version are deleted, in the same transaction.
   *
   * @param remaining the rows of the version that stay
   * @throws ConflictError if a row is still needed, and no remaining row can take its place
   */
  beforeDelete(tx: Transaction, rows: readonly Firmware[], remaining: readonly Firmware[]): Promise<void>;
  /** Called after rows of a version were added, changed or deleted, in the same transaction. */
  changed(tx: Transaction, version: string): Promise<void>;
  /** Called when a printer starts a download, and repeatedly while its bytes flow. */
  downloadProgressed(row: Firmware, printerId: number): Promise<void>;
}
