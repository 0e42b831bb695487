import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { UNKNOWN_VERSION, UNKNOWN_VERSION_KEY, versionKey, versionOfKey } from '../../common/version.js';
import { Database } from '../../database/database.js';
import type { Sql } from '../../database/sql.js';
import { sqlInstant } from '../../database/table.js';
import type { Table } from '../../database/table.js';
import { Presence } from '../../printer/presence.js';
import { FleetSample } from './fleet-sample.entity.js';

/** What the fleet ran at one moment: how many printers each version had. */
export interface FleetPoint {
  at: Date;
  online: number;
  printers: ReadonlyMap<string, number>;
}

/** What the fleet ran over time. */
export interface FleetSeries {
  /** The highest first, `other` at the end. */
  versions: string[];
  /** Oldest first; the last is the present. */
  points: FleetPoint[];
}

/** The sum of all versions that are not named. */
export const OTHER = 'other';
// Nobody can read a chart with more lines. The limit also keeps a sample small, whatever versions printers report.
const MAX_VERSIONS = 20;
const HOUR_MS = 60 * 60_000;
const HOURS_OF_ALL = 24;
const HOURS_OF_HOURLY = 720;

const VERSIONS = `SELECT version_key AS "versionKey", sum(printers) AS printers FROM printer_count
  GROUP BY version_key ORDER BY printers DESC, version_key DESC LIMIT ${MAX_VERSIONS}`;
const BETWEEN = 'WHERE at >= ? AND at < ?';

/** Reads which versions the fleet runs now, and ran earlier. */
@Injectable()
export class FleetHistory {
  private readonly table: Table<FleetSample>;

  constructor(
    private readonly database: Database,
    private readonly presence: Presence,
    private readonly clock: Clock,
  ) {
    this.table = database.table(FleetSample);
  }

  /** The versions that the fleet runs now, from `printer_count`. */
  now(): Promise<FleetPoint> {
    return this.database.read((sql) => this.readNow(sql));
  }

  private async readNow(sql: Sql): Promise<FleetPoint> {
    const printers = new Map<string, number>();
    let others = await sql.count('SELECT sum(printers) FROM printer_count');
    for (const row of await sql.rows(VERSIONS)) {
      printers.set(versionOfKey(String(row.versionKey)), Number(row.printers));
      others -= Number(row.printers);
    }
    if (others > 0) printers.set(OTHER, others);
    return { at: this.clock.now(), online: this.presence.count, printers };
  }

  /** The last hours, with one point every five minutes; one an hour beyond a day, one a day beyond a month. */
  async ofLast(hours: number): Promise<FleetSeries> {
    const now = await this.now();
    const from = new Date(now.at.getTime() - hours * HOUR_MS);
    const grains =
      hours <= HOURS_OF_ALL
        ? ''
        : hours <= HOURS_OF_HOURLY
          ? ` AND grain <> 'minutes'`
          : ` AND grain = 'day'`;
    const samples = await this.table.select(
      this.database.committed,
      `${BETWEEN}${grains} ORDER BY at, id`,
      sqlInstant(from),
      sqlInstant(now.at),
    );
    const points = [...samples.map(toPoint), now];
    const versions = mostCommonVersions(points);
    return { versions, points: points.map((point) => withOthersSummed(point, versions)) };
  }
}

function toPoint({ at, online, versions }: FleetSample): FleetPoint {
  return { at, online, printers: new Map(Object.entries(JSON.parse(versions) as Record<string, number>)) };
}

/** The versions that had the most printers at any time, the highest first; then `other` if there are more. */
function mostCommonVersions(points: readonly FleetPoint[]): string[] {
  const most = new Map<string, number>();
  for (const { printers } of points)
    for (const [version, count] of printers) most.set(version, Math.max(count, most.get(version) ?? 0));
  const hadOthers = most.delete(OTHER);
  const commonest = [...most].sort(([, a], [, b]) => b - a).slice(0, MAX_VERSIONS);
  const named = commonest
    .map(([version]) => [version, keyOf(version)] as const)
    .sort(([, a], [, b]) => (a < b ? 1 : -1))
    .map(([version]) => version);
  return hadOthers || most.size > named.length ? [...named, OTHER] : named;
}

function keyOf(version: string): string {
  return version === UNKNOWN_VERSION ? UNKNOWN_VERSION_KEY : versionKey(version);
}

function withOthersSummed(point: FleetPoint, versions: readonly string[]): FleetPoint {
  const printers = new Map(versions.map((version) => [version, 0]));
  for (const [version, count] of point.printers) {
    const under = printers.has(version) ? version : OTHER;
    printers.set(under, (printers.get(under) ?? 0) + count);
  }
  return { ...point, printers };
}
