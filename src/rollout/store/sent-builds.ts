import { Injectable } from '@nestjs/common';
import { CounterBuffer } from '../../database/counter-buffer.js';
import type { Transaction } from '../../database/transaction.js';
import { UnitOfWork } from '../../database/unit-of-work.js';

const ADD = `INSERT INTO sent_firmware (firmware_id, version, platform, sha256, printers)
  SELECT id, version, platform, sha256, 0 FROM firmware WHERE id = ? ON CONFLICT (firmware_id) DO NOTHING`;
const COUNT = 'UPDATE sent_firmware SET printers = printers + ? WHERE firmware_id = ?';
// Reads the printer's own few updates; a version may have been sent through several rows.
const SENT_BEFORE = `SELECT 1 FROM printer_update u JOIN sent_firmware before ON before.firmware_id = u.firmware_id
  JOIN sent_firmware now ON now.firmware_id = ?
  WHERE u.printer_id = ? AND before.version = now.version AND before.platform = now.platform LIMIT 1`;

/** Records which builds were sent, and to how many printers: a version that was sent keeps its bytes permanently. */
@Injectable()
export class SentBuilds {
  /** Builds that are on record. A rollback drops those that its transaction added. */
  private readonly known = new Set<number>();
  private readonly counts: CounterBuffer<'printers'>;

  constructor(unitOfWork: UnitOfWork) {
    unitOfWork.onRollback(() => this.known.clear());
    this.counts = new CounterBuffer(unitOfWork, (tx, id, { printers = 0 }) => tx.db.run(COUNT, printers, id));
  }

  /** Records that a printer is about to be sent a build. Call it before its update is written, in the same transaction. */
  record(tx: Transaction, printerId: number, firmwareId: number): void {
    this.add(tx, firmwareId);
    if (tx.db.get(SENT_BEFORE, firmwareId, printerId) === undefined)
      this.counts.add(tx, firmwareId, { printers: 1 });
  }

  /** Reverses the count of `record` after the update's row has been deleted; the build stays on record. */
  takeBack(tx: Transaction, printerId: number, firmwareId: number): void {
    if (tx.db.get(SENT_BEFORE, firmwareId, printerId) === undefined)
      this.counts.add(tx, firmwareId, { printers: -1 });
  }

  /** Records a build that replaces one that was sent. */
  add(tx: Transaction, firmwareId: number): void {
    if (this.known.has(firmwareId)) return;
    tx.db.run(ADD, firmwareId);
    this.known.add(firmwareId);
    tx.onFailure(() => this.known.clear());
  }
}
