import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { Clock } from '../../common/clock.js';
import { UnavailableError } from '../../common/errors.js';
import { Database } from '../../database/database.js';
import { sqlInstant } from '../../database/table.js';
import type { Table } from '../../database/table.js';
import type { Transaction } from '../../database/transaction.js';
import { OutcomeCounts } from '../../rollout/store/outcome-counts.js';
import { FleetHistory } from './fleet-history.js';
import { FleetSample } from './fleet-sample.entity.js';
import type { Grain } from './fleet-sample.entity.js';

const EVERY_MS = 5 * 60_000;
const DAY_MS = 24 * 60 * 60_000;

const RETENTION_MS: Readonly<Record<Grain, number>> = {
  minutes: DAY_MS,
  hour: 30 * DAY_MS,
  day: 2 * 365 * DAY_MS,
};
const DELETE_OLD = 'DELETE FROM fleet_sample WHERE at < ? AND grain = ?';
const LAST = 'WHERE at <= ? ORDER BY at DESC';

/** Takes samples of the versions that the fleet runs, and thins out old ones. */
@Injectable()
export class FleetSampler implements OnApplicationBootstrap {
  private readonly logger = new Logger('Fleet');
  private readonly table: Table<FleetSample>;

  constructor(
    private readonly database: Database,
    private readonly history: FleetHistory,
    private readonly outcomes: OutcomeCounts,
    private readonly clock: Clock,
  ) {
    this.table = database.table(FleetSample);
  }

  /** Takes a sample at the start if none was taken in the last five minutes, so that restarts neither delay nor multiply samples. */
  async onApplicationBootstrap(): Promise<void> {
    if (await this.isOlder(EVERY_MS)) await this.sample();
  }

  /** Skips a sample if one was just taken at the start. */
  @Cron(CronExpression.EVERY_5_MINUTES, { waitForCompletion: true })
  async tick(): Promise<void> {
    if (await this.isOlder(EVERY_MS / 2)) await this.sample();
  }

  /** Takes a sample. A failure is logged, not thrown: only the chart misses a point. */
  async sample(): Promise<void> {
    try {
      await this.database.write((tx) => this.write(tx));
    } catch (error) {
      if (error instanceof UnavailableError) return;
      this.logger.error(`A sample of the fleet could not be saved: ${String(error)}`);
    }
  }

  private async write(tx: Transaction): Promise<void> {
    const { at, online, printers } = await this.history.now();
    const grain = grainOf(at, await this.last(at));
    await this.table.insert(tx.sql, {
      at,
      grain,
      online,
      versions: JSON.stringify(Object.fromEntries(printers)),
    });
    for (const [kept, milliseconds] of Object.entries(RETENTION_MS))
      await tx.sql.run(DELETE_OLD, sqlInstant(new Date(at.getTime() - milliseconds)), kept);
    await this.outcomes.prune(tx, at);
  }

  /** True if the last sample is at least this old, or there is none. */
  private async isOlder(milliseconds: number): Promise<boolean> {
    const now = this.clock.now();
    const last = await this.last(now);
    return last === null || now.getTime() - last.at.getTime() >= milliseconds;
  }

  private async last(now: Date): Promise<FleetSample | null> {
    return this.table.find(this.database.committed, LAST, sqlInstant(now));
  }
}

/** The first sample of a day (UTC) represents the day, the first of an hour the hour. */
function grainOf(at: Date, last: FleetSample | null): Grain {
  if (last === null || !sameUntil('YYYY-MM-DD', at, last.at)) return 'day';
  return sameUntil('YYYY-MM-DDTHH', at, last.at) ? 'minutes' : 'hour';
}

function sameUntil({ length }: string, a: Date, b: Date): boolean {
  return a.toISOString().slice(0, length) === b.toISOString().slice(0, length);
}
