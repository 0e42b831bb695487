import { Injectable } from '@nestjs/common';
import { LessThanOrEqual } from 'typeorm';
import { AppConfig } from '../config/config.js';
import { UnitOfWork } from '../database/unit-of-work.js';
import { Printer } from '../printer/printer.entity.js';
import { RolloutEvents } from './rollout.events.js';
import { UpdateJournal } from './update-journal.js';
import { PrinterUpdate } from './update.entity.js';

// So many at once that the event loop is given back every few milliseconds.
const SLICE = 100;

/** Fails updates whose printer has not shown a sign of life for too long. */
@Injectable()
export class StuckUpdates {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly journal: UpdateJournal,
    private readonly events: RolloutEvents,
    private readonly config: AppConfig,
  ) {}

  /** Fails every update under way whose last sign of life lies as far back as the limit, or farther. */
  async fail(now: Date): Promise<void> {
    while ((await this.failSlice(now)) === SLICE);
  }

  private async failSlice(now: Date): Promise<number> {
    const limit = this.config.updateTimeoutMs;
    return this.unitOfWork.run(async (tx) => {
      const stuck = await tx.em.find(PrinterUpdate, {
        where: { status: 'in_progress', lastSignOfLife: LessThanOrEqual(new Date(now.getTime() - limit)) },
        order: { lastSignOfLife: 'ASC' },
        take: SLICE,
      });
      for (const update of stuck) {
        await this.journal.end(tx, update, 'failed', { error: `no progress for ${limit / 60_000} minutes` });
        const { uuid } = await tx.em.findOneByOrFail(Printer, { id: update.printerId });
        tx.afterCommit(() => this.events.publish([uuid]));
      }
      return stuck.length;
    });
  }
}
