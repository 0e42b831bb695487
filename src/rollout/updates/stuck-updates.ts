import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AppConfig } from '../../config/config.js';
import { Database } from '../../database/database.js';
import type { Table } from '../../database/table.js';
import type { Transaction } from '../../database/transaction.js';
import { UnitOfWork } from '../../database/unit-of-work.js';
import { PrinterService } from '../../printer/printer.service.js';
import { RolloutEvents } from '../store/rollout.events.js';
import { UpdateLifecycle } from './update-lifecycle.js';
import { PrinterUpdate } from '../store/entities/printer-update.entity.js';
import { ServiceTime } from '../store/service-time.js';
import { UpdateRecall } from './update-recall.js';

// Maximum updates per transaction: a few milliseconds of work.
const SLICE = 200;
// After an outage boards are still on their way back: a power cut restarts them and their Wi-Fi, too.
const GRACE_MS = 5 * 60_000;

/** A limit that an update under way may not exceed. */
interface Limit {
  column: 'last_heard' | 'last_sent';
  milliseconds: number;
  error: string;
}

/**
 * Fails updates whose printer was silent for too long, or that have not ended in time after they were last sent. Both are counted while
 * the server runs (`ServiceTime`).
 */
@Injectable()
export class StuckUpdates {
  private readonly table: Table<PrinterUpdate>;
  private readonly limits: readonly Limit[];
  private readonly graceMs: number;

  constructor(
    database: Database,
    private readonly unitOfWork: UnitOfWork,
    private readonly printers: PrinterService,
    private readonly lifecycle: UpdateLifecycle,
    private readonly recall: UpdateRecall,
    private readonly events: RolloutEvents,
    private readonly serviceTime: ServiceTime,
    { updateTimeoutMs, updateDeadlineMs }: AppConfig,
  ) {
    this.table = database.table(PrinterUpdate);
    this.limits = [
      {
        column: 'last_heard',
        milliseconds: updateTimeoutMs,
        error: `no progress for ${updateTimeoutMs / 60_000} minutes`,
      },
      {
        column: 'last_sent',
        milliseconds: updateDeadlineMs,
        error: `not finished ${updateDeadlineMs / 60_000} minutes after it was sent`,
      },
    ];
    this.graceMs = Math.min(GRACE_MS, updateTimeoutMs, updateDeadlineMs);
  }

  /** Fails every update under way that has reached one of its limits; none just after a start or a suspension. */
  async fail(): Promise<void> {
    await this.serviceTime.save();
    if (this.serviceTime.sinceInterruption() < this.graceMs) return;
    for (const limit of this.limits) {
      while ((await this.failSlice(limit)) === SLICE) await nextTurn();
    }
  }

  private failSlice(limit: Limit): Promise<number> {
    return this.unitOfWork.collect((tx) => {
      const stuck = this.reached(tx, limit);
      const uuids: string[] = [];
      for (const update of stuck) {
        if (!this.recall.recallDamaged(tx, update))
          this.lifecycle.end(tx, update, 'failed', { error: limit.error });
        const printer = this.printers.byId(tx.db, update.printerId);
        if (printer) uuids.push(printer.uuid);
      }
      tx.afterCommit(() => this.events.publish(uuids));
      return stuck.length;
    });
  }

  private reached(tx: Transaction, { column, milliseconds }: Limit): PrinterUpdate[] {
    const rest = `WHERE status = 'in_progress' AND ${column} <= ? ORDER BY ${column} LIMIT ?`;
    return this.table.select(tx.db, rest, this.serviceTime.now() - milliseconds / 1_000, SLICE);
  }
}
