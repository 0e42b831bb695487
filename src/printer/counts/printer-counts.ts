import { Injectable } from '@nestjs/common';
import { CHANNELS } from '../../common/channel.js';
import type { Channel } from '../../common/channel.js';
import { Database } from '../../database/database.js';
import { allOf, jsonRows, rowsOf } from '../../database/sql.js';
import type { Table } from '../../database/table.js';
import { PrinterCount } from './printer-count.entity.js';
import type { PrinterDeltas } from './printer-deltas.js';
import type { ColumnType, Sql, SqlValue } from '../../database/sql.js';

const KIND = [
  'update_channel',
  'version_key',
  'platform',
  'version_rollout_id',
  'previous_version',
  'moved_back',
  'bucket',
  'blocked',
];
const COUNTED = [...KIND, 'printers'];
const KIND_TYPES: Record<string, ColumnType> = {
  ...allOf('text', KIND),
  ...allOf('integer', ['version_rollout_id', 'bucket']),
  blocked: 'boolean',
};
const ADD_KINDS = `INSERT INTO printer_count (${COUNTED.join(', ')})
  SELECT ${COUNTED.join(', ')} FROM ${rowsOf({ ...KIND_TYPES, printers: 'integer' })} WHERE true
  ON CONFLICT (${KIND.join(', ')}) DO UPDATE SET printers = printer_count.printers + excluded.printers`;
// At once, not from time to time: boards that report a new version at each start would leave thousands of rows.
const REMOVE_EMPTY = `DELETE FROM printer_count WHERE printers = 0
  AND (${KIND.join(', ')}) IN (SELECT ${KIND.join(', ')} FROM ${rowsOf(KIND_TYPES)})`;
const ADD_PROBLEMS = `INSERT INTO problem_count (field, printers) SELECT field, printers FROM ${rowsOf({ field: 'text', printers: 'integer' })} WHERE true
  ON CONFLICT (field) DO UPDATE SET printers = problem_count.printers + excluded.printers`;
const FIRST = `ORDER BY ${KIND.join(', ')} LIMIT ?`;
const NEXT = `WHERE (${KIND.join(', ')}) > (${KIND.map(() => '?').join(', ')}) ${FIRST}`;
const SELECT = `SELECT ${KIND.join(', ')}, printers FROM printer_count`;
const PLATFORMS = `SELECT DISTINCT platform FROM printer_count WHERE platform <> ''`;
const VERSIONS = 'SELECT DISTINCT version_key, version_rollout_id FROM printer_count';
// The channel leads the key. Blocked printers are no targets.
const OF_VERSION = `update_channel IN (${CHANNELS.map((channel) => `'${channel}'`).join(', ')}) AND version_key = ?
  AND blocked = false`;
const RUNNING = `SELECT sum(printers) FROM printer_count WHERE ${OF_VERSION}`;

/** Printers of one kind, by bucket. */
export interface KindPart extends Omit<PrinterCount, 'bucket' | 'printers'> {
  buckets: Array<[bucket: number, printers: number]>;
}

/** Keeps `printer_count` in step with the printers, and counts printers with it. */
@Injectable()
export class PrinterCounts {
  private readonly table: Table<PrinterCount>;

  constructor(database: Database) {
    this.table = database.table(PrinterCount);
  }

  /** Adds the effect of changes to printers. Call it in the transaction that writes the printers. */
  async add(sql: Sql, { kinds, problems }: PrinterDeltas): Promise<void> {
    const changed = [...kinds.values()].filter(({ printers }) => printers !== 0);
    // In key order, so that concurrent transactions cannot deadlock.
    const rows = changed.map(({ kind, printers }) => [...kind, printers]).sort(byKey);
    if (rows.length > 0) await sql.run(ADD_KINDS, jsonRows(rows));
    const fewer = changed.filter(({ printers }) => printers < 0).map(({ kind }) => kind);
    if (fewer.length > 0) await sql.run(REMOVE_EMPTY, jsonRows(fewer));
    const fields = [...problems].filter(([, printers]) => printers !== 0).sort(byKey);
    if (fields.length > 0) await sql.run(ADD_PROBLEMS, jsonRows(fields));
  }

  /**
   * All kinds that have printers, read in slices of at most `size` rows. A kind may be split into several parts.
   *
   * Buckets are summed up: a rule gives the same result for all buckets of a kind.
   */
  async *kinds(sql: Sql, size: number): AsyncGenerator<KindPart[]> {
    let rows = await sql.values(`${SELECT} ${FIRST}`, size);
    for (;;) {
      yield toParts(rows);
      const last = rows.at(-1);
      if (last === undefined || rows.length < size) return;
      rows = await sql.values(`${SELECT} ${NEXT}`, ...last.slice(0, KIND.length), size);
    }
  }

  /** All platforms of printers, except unknown. */
  async platforms(sql: Sql): Promise<string[]> {
    return (await sql.values(PLATFORMS)).map(([platform]) => String(platform));
  }

  /** All versions that printers run, by the rollout that installed them (0 for none). */
  async versions(sql: Sql): Promise<Array<{ versionKey: string; versionRolloutId: number }>> {
    return (await sql.values(VERSIONS)).map(([versionKey, versionRolloutId]) => ({
      versionKey: String(versionKey),
      versionRolloutId: Number(versionRolloutId),
    }));
  }

  /** Number of printers that run a version and are not blocked. */
  async running(sql: Sql, key: string): Promise<number> {
    return sql.count(RUNNING, key);
  }

  /** The kinds that run a version and are not blocked. */
  async kindsRunning(sql: Sql, key: string): Promise<PrinterCount[]> {
    return this.table.select(sql, `WHERE ${OF_VERSION}`, key);
  }

  /** Number of printers that match; an absent property matches all. */
  async count(
    sql: Sql,
    kind: { channel?: Channel | undefined; versionKey?: string | undefined; platform?: string | undefined },
  ): Promise<number> {
    return sql.count(
      `SELECT sum(printers) FROM printer_count WHERE update_channel = coalesce(?, update_channel)
        AND version_key = coalesce(?, version_key) AND platform = coalesce(?, platform)`,
      kind.channel ?? null,
      kind.versionKey ?? null,
      kind.platform ?? null,
    );
  }
}

// The position of the one column that rules ignore.
const BUCKET = KIND.indexOf('bucket');

function toParts(rows: SqlValue[][]): KindPart[] {
  const parts = new Map<string, KindPart>();
  for (const row of rows) {
    const [
      channel,
      versionKey,
      platform,
      versionRolloutId,
      previousVersion,
      movedBack,
      bucket,
      blocked,
      printers,
    ] = row;
    const name = JSON.stringify(row.toSpliced(BUCKET, 1).slice(0, -1));
    let part = parts.get(name);
    if (part === undefined) {
      part = {
        updateChannel: channel as Channel,
        versionKey: String(versionKey),
        platform: String(platform),
        versionRolloutId: Number(versionRolloutId),
        previousVersion: String(previousVersion),
        movedBack: String(movedBack),
        blocked: Boolean(blocked),
        buckets: [],
      };
      parts.set(name, part);
    }
    part.buckets.push([Number(bucket), Number(printers)]);
  }
  return [...parts.values()];
}

function byKey(a: readonly SqlValue[], b: readonly SqlValue[]): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
