import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { Database } from '../../database/database.js';
import { UnitOfWork } from '../../database/unit-of-work.js';

const LAST_KNOWN = `SELECT max(coalesce((SELECT seconds FROM service_time WHERE id = 1), 0),
  coalesce((SELECT max(last_heard) FROM printer_update WHERE status = 'in_progress'), 0),
  coalesce((SELECT max(last_sent) FROM printer_update WHERE status = 'in_progress'), 0))`;
const UNDER_WAY = `SELECT 1 FROM printer_update WHERE status = 'in_progress' AND last_sent >= 0 LIMIT 1`;
const SAVE = `INSERT INTO service_time (id, seconds) VALUES (1, ?)
  ON CONFLICT (id) DO UPDATE SET seconds = excluded.seconds`;

/**
 * How long the server has run, over all its lives: what the silence and the deadline of updates are counted by. An outage, a
 * suspended machine and a clock that is set do not count (decisions, "An update's life").
 */
@Injectable()
export class ServiceTime {
  /** The seconds of earlier lives; a crash loses those since the last `save`. */
  private readonly before: number;
  private readonly startedAt: number;

  constructor(
    private readonly database: Database,
    private readonly unitOfWork: UnitOfWork,
    private readonly clock: Clock,
  ) {
    this.before = database.reader.count(LAST_KNOWN);
    this.startedAt = clock.uptime();
  }

  /** Whole seconds. */
  now(): number {
    return this.before + Math.floor((this.clock.uptime() - this.startedAt) / 1_000);
  }

  /** How long it has run since its start, or since it was last suspended, in milliseconds. */
  sinceInterruption(): number {
    return Math.min(this.clock.sinceInterruption(), this.clock.uptime() - this.startedAt);
  }

  /** Keeps the time for the next life. While no update is under way nothing is counted, and nothing is written. */
  async save(): Promise<void> {
    if (this.database.reader.get(UNDER_WAY) === undefined) return;
    await this.unitOfWork.collect((tx) => tx.db.run(SAVE, this.now()));
  }
}
