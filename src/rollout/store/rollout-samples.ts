import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { NotFoundError } from '../../common/errors.js';
import { Database } from '../../database/database.js';
import { fromSqlInstant, sqlInstant } from '../../database/table.js';
import type { Table } from '../../database/table.js';
import type { Transaction } from '../../database/transaction.js';
import { COUNTER_COLUMNS } from './entities/rollout-counters.js';
import { RolloutSample } from './entities/rollout-sample.entity.js';
import { Rollout } from './entities/rollout.entity.js';
import { INSTANT, IN_INTEGERS, jsonList } from '../../database/sql.js';
import type { SqlRow } from '../../database/sql.js';

/** The status and counters of a rollout at one moment. */
export type TimelinePoint = Omit<RolloutSample, 'id' | 'rolloutId' | 'rollout'>;

// Minimum time between two samples of a rollout, in milliseconds: five seconds, less the time that a tick may come early.
const SHORTEST_INTERVAL_MS = 4_500;
// Approximate number of points in a timeline: a young rollout is sampled every few seconds, an old one every few hours or days.
const POINTS = 300;

const STATE = ['status', ...COUNTER_COLUMNS];

// Rollouts whose status or counters differ from their last sample, or that have no sample.
const CHANGED = `SELECT r.id, r.created_at, s.at FROM rollout r LEFT JOIN rollout_sample s
    ON s.id = (SELECT max(id) FROM rollout_sample WHERE rollout_id = r.id)
  WHERE s.id IS NULL OR ${STATE.map((column) => `s.${column} <> r.${column}`).join(' OR ')}`;

// Leaves out rollouts that have been deleted in the meantime.
const SAMPLES = `INSERT INTO rollout_sample (rollout_id, at, ${STATE.join(', ')})
  SELECT id, ${INSTANT}, ${STATE.join(', ')} FROM rollout WHERE id ${IN_INTEGERS} ORDER BY id`;

/** Stores the timelines of rollouts: their counters over time. */
@Injectable()
export class RolloutSamples {
  private readonly samples: Table<RolloutSample>;
  private readonly rollouts: Table<Rollout>;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {
    this.samples = database.table(RolloutSample);
    this.rollouts = database.table(Rollout);
  }

  /** Takes the first sample of a rollout that has just been created and counted. */
  async begin(tx: Transaction, { id, createdAt }: Rollout): Promise<void> {
    await tx.sql.run(SAMPLES, sqlInstant(createdAt), jsonList([id]));
  }

  /** Samples every rollout that has changed since its last sample, unless that sample is too recent for the rollout's age. */
  async take(now: Date): Promise<void> {
    const changed = await this.database.scan((sql) => sql.rows(CHANGED));
    const due = changed.filter((row) => isDue(row, now)).map(({ id }) => Number(id));
    if (due.length > 0)
      await this.database.write((tx) => tx.sql.run(SAMPLES, sqlInstant(now), jsonList(due)));
  }

  /**
   * The timeline of a rollout, oldest point first; the last point is the present.
   *
   * @throws NotFoundError if there is no such rollout
   */
  async of(rolloutId: number): Promise<TimelinePoint[]> {
    return this.database.read(async (sql) => {
      const rollout = await this.rollouts.find(sql, 'WHERE id = ?', rolloutId);
      if (rollout === null) throw new NotFoundError(`Rollout not found: ${rolloutId}`);
      const samples = await this.samples.select(sql, 'WHERE rollout_id = ? ORDER BY id', rolloutId);
      return [...samples, { ...rollout, at: this.clock.now() }];
    });
  }
}

function isDue({ at, created_at }: SqlRow, now: Date): boolean {
  if (at === null) return true;
  const age = now.getTime() - instantOf(created_at).getTime();
  // The absolute difference, because the clock may have been set back.
  const since = Math.abs(now.getTime() - instantOf(at).getTime());
  return since >= Math.max(SHORTEST_INTERVAL_MS, age / POINTS);
}

function instantOf(value: SqlRow[string] | undefined): Date {
  return fromSqlInstant(String(value));
}
