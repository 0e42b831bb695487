import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/config.js';
import { Database } from '../database/database.js';
import { sqlInstant } from '../database/table.js';
import type { Table } from '../database/table.js';
import { UnitOfWork } from '../database/unit-of-work.js';
import { PrinterService } from '../printer/printer.service.js';
import { RolloutEvents } from './rollout.events.js';
import { UpdateJournal } from './update-journal.js';
import { PrinterUpdate } from './update.entity.js';

// So many at once that the event loop is given back every few milliseconds.
const SLICE = 200;
// A sign of life that is taken in while this works is not one from the future.
const AHEAD_MS = 60_000;

const FROM_THE_FUTURE = `UPDATE printer_update SET last_sign_of_life = ? WHERE id IN
  (SELECT id FROM printer_update WHERE status = 'in_progress' AND last_sign_of_life > ? LIMIT ${SLICE})`;

/** Fails updates whose printer has not shown a sign of life for too long. */
@Injectable()
export class StuckUpdates {
  private readonly table: Table<PrinterUpdate>;

  constructor(
    database: Database,
    private readonly unitOfWork: UnitOfWork,
    private readonly printers: PrinterService,
    private readonly journal: UpdateJournal,
    private readonly events: RolloutEvents,
    private readonly config: AppConfig,
  ) {
    this.table = database.table(PrinterUpdate);
  }

  /**
   * Fails every update under way whose last sign of life lies as far back as the limit, or farther. One that lies in the future, for
   * the clock was set back, counts from now on.
   */
  async fail(now: Date): Promise<void> {
    while ((await this.setBackSlice(now)) === SLICE) await nextTurn();
    while ((await this.failSlice(now)) === SLICE) await nextTurn();
  }

  private setBackSlice(now: Date): Promise<number> {
    const ahead = new Date(now.getTime() + AHEAD_MS);
    return this.unitOfWork.collect((tx) => tx.db.run(FROM_THE_FUTURE, sqlInstant(now), sqlInstant(ahead)));
  }

  private failSlice(now: Date): Promise<number> {
    const limit = this.config.updateTimeoutMs;
    return this.unitOfWork.collect((tx) => {
      const stuck = this.table.select(
        tx.db,
        `WHERE status = 'in_progress' AND last_sign_of_life <= ? ORDER BY last_sign_of_life LIMIT ?`,
        sqlInstant(new Date(now.getTime() - limit)),
        SLICE,
      );
      const uuids: string[] = [];
      for (const update of stuck) {
        this.journal.end(tx, update, 'failed', { error: `no progress for ${limit / 60_000} minutes` });
        const printer = this.printers.byId(tx.db, update.printerId);
        if (printer) uuids.push(printer.uuid);
      }
      tx.afterCommit(() => this.events.publish(uuids));
      return stuck.length;
    });
  }
}
