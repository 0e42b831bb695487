import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { Database } from '../database/database.js';
import { Presence } from '../printer/presence.js';
import { ANY_FIELD } from '../printer/printer-problems.js';
import { ProblemCounts } from '../printer/counts/problem-counts.js';
import type { Sql } from '../database/sql.js';
import type { RolloutStatus } from '../rollout/rules/status.js';
import { OutcomeCounts } from '../rollout/store/outcome-counts.js';
import type { Outcomes } from '../rollout/store/outcome-slots.js';
import { VersionBreakdown } from './version-breakdown.js';
import type { Count } from './version-breakdown.js';
import { InstallationWarnings } from './installation-warnings.js';
import type { InstallationWarning } from './installation-warnings.js';

/** The whole fleet at a glance. */
export interface Summary {
  at: Date;
  printers: { total: number; online: number; problems: number };
  /** Printers that wait for an operator to accept them. */
  waiting: number;
  updatesInProgress: number;
  endedLastDay: Outcomes;
  rollouts: ReadonlyMap<RolloutStatus, number>;
  firmware: number;
  warnings: readonly InstallationWarning[];
  /** Null while the first one is under way. */
  count: Count | null;
}

const PRINTERS = 'SELECT sum(printers) FROM printer_count';
// Reads the partial index over updates in progress.
const IN_PROGRESS = `SELECT count(*) FROM printer_update WHERE status = 'in_progress' AND printer_id > 0`;
const ROLLOUTS = 'SELECT status, count(*) AS rollouts FROM rollout GROUP BY status';
// A table of a few thousand rows at most (`Registrations`).
const WAITING = `SELECT count(*) FROM registration WHERE status = 'pending'`;
const FIRMWARE = 'SELECT count(*) FROM firmware';

/** Summarizes the fleet. */
@Injectable()
export class FleetSummary {
  constructor(
    private readonly database: Database,
    private readonly presence: Presence,
    private readonly outcomes: OutcomeCounts,
    private readonly breakdown: VersionBreakdown,
    private readonly problems: ProblemCounts,
    private readonly clock: Clock,
    private readonly warnings: InstallationWarnings,
  ) {}

  /** Counts everything now, except for the versions: those are from the last count. */
  async current(): Promise<Summary> {
    const count = await this.breakdown.latest();
    return this.database.read((sql) => this.read(sql, count));
  }

  private async read(sql: Sql, count: Count | null): Promise<Summary> {
    const now = this.clock.now();
    const rollouts = await sql.values(ROLLOUTS);
    return {
      at: now,
      printers: {
        total: await sql.count(PRINTERS),
        online: this.presence.count,
        problems: (await this.problems.byField(sql)).get(ANY_FIELD) ?? 0,
      },
      waiting: await sql.count(WAITING),
      updatesInProgress: await sql.count(IN_PROGRESS),
      endedLastDay: await this.outcomes.lastDay(sql, now),
      rollouts: new Map(rollouts.map(([status, count]) => [status as RolloutStatus, Number(count)])),
      firmware: await sql.count(FIRMWARE),
      warnings: await this.warnings.current(),
      count,
    };
  }

  /** False if something has changed since the versions were counted. */
  get isCurrent(): boolean {
    return this.breakdown.isCurrent;
  }

  /** Aborts a count that is running. */
  stop(): void {
    this.breakdown.stop();
  }
}
