import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { Database } from '../../database/database.js';

const LAST_KNOWN = `SELECT max(seconds) FROM (
  SELECT seconds FROM service_time WHERE id = 1
  UNION ALL SELECT max(last_heard) FROM printer_update WHERE status = 'in_progress'
  UNION ALL SELECT max(last_sent) FROM printer_update WHERE status = 'in_progress') AS known`;
const UNDER_WAY = `SELECT 1 FROM printer_update WHERE status = 'in_progress' AND last_sent >= 0 LIMIT 1`;
const SAVE = `INSERT INTO service_time (id, seconds) VALUES (1, ?)
  ON CONFLICT (id) DO UPDATE SET seconds = excluded.seconds`;

/**
 * Total time that the server has run, across restarts. The silence limit and the deadline of updates are measured in it, so outages, a
 * suspended machine and changes of the clock do not count (decisions, "An update's life").
 */
@Injectable()
export class ServiceTime implements OnModuleInit {
  /** Seconds of earlier runs; a crash loses those since the last `save`. */
  private before = 0;
  private readonly startedAt: number;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {
    this.startedAt = clock.uptime();
  }

  async onModuleInit(): Promise<void> {
    this.before = await this.database.committed.count(LAST_KNOWN);
  }

  /** The total service time in whole seconds. */
  now(): number {
    return this.before + Math.floor((this.clock.uptime() - this.startedAt) / 1_000);
  }

  /** Milliseconds since the server started, or since it was last suspended. */
  sinceInterruption(): number {
    return Math.min(this.clock.sinceInterruption(), this.clock.uptime() - this.startedAt);
  }

  /** Saves the service time for the next run. It neither counts nor writes while no update is in progress. */
  async save(): Promise<void> {
    if ((await this.database.committed.first(UNDER_WAY)) === undefined) return;
    await this.database.write((tx) => tx.sql.run(SAVE, this.now()));
  }
}
