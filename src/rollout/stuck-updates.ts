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

  /** Fails every update under way whose last sign of life lies as far back as the limit, or farther. */
  async fail(now: Date): Promise<void> {
    while ((await this.failSlice(now)) === SLICE) await nextTurn();
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
