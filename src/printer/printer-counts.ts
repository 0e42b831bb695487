import { Injectable } from '@nestjs/common';
import { CHANNELS } from '../common/channel.js';
import type { Channel } from '../common/channel.js';
import { Database } from '../database/database.js';
import type { SqlValue, Statements } from '../database/statements.js';
import type { Table } from '../database/table.js';
import { PrinterCount } from './printer-count.entity.js';
import type { Printer } from './printer.entity.js';

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
const OF_KIND = `WHERE ${KIND.map((column) => `${column} = ?`).join(' AND ')}`;
const ADD = `INSERT INTO printer_tally (${KIND.join(', ')}, printers) VALUES (${KIND.map(() => '?').join(', ')}, 1)
  ON CONFLICT (${KIND.join(', ')}) DO UPDATE SET printers = printers + 1`;
const TAKE = `UPDATE printer_tally SET printers = printers - 1 ${OF_KIND}`;
// At once, not now and then: boards that name another version at each start would leave rows by the thousand.
const FORGET = `DELETE FROM printer_tally ${OF_KIND} AND printers = 0`;
const FIRST = `ORDER BY ${KIND.join(', ')} LIMIT ?`;
const NEXT = `WHERE (${KIND.join(', ')}) > (${KIND.map(() => '?').join(', ')}) ${FIRST}`;
const SELECT = `SELECT ${KIND.join(', ')}, printers FROM printer_tally`;
const PLATFORMS = `SELECT DISTINCT platform FROM printer_tally WHERE platform <> ''`;
const VERSIONS = 'SELECT DISTINCT version_key, version_rollout_id FROM printer_tally';
// The channel leads the key. Blocked printers are no targets.
const OF_VERSION = `update_channel IN (${CHANNELS.map((channel) => `'${channel}'`).join(', ')}) AND version_key = ?
  AND blocked = false`;
const RUNNING = `SELECT sum(printers) FROM printer_tally WHERE ${OF_VERSION}`;

/** Printers of one kind, by bucket. */
export interface KindPart extends Omit<PrinterCount, 'bucket' | 'printers'> {
  buckets: Array<[bucket: number, printers: number]>;
}

type Kind = [
  channel: Channel,
  versionKey: string,
  platform: string,
  versionRolloutId: number,
  previousVersion: string,
  movedBack: string,
  bucket: number,
  blocked: 0 | 1,
];

/** Keeps `printer_tally` in step with the printers, and counts by it. */
@Injectable()
export class PrinterCounts {
  private readonly table: Table<PrinterCount>;

  constructor(database: Database) {
    this.table = database.table(PrinterCount);
  }

  /** Counts a printer that is new, or has changed; to be called in the transaction that writes it. */
  move(db: Statements, before: Printer | null, after: Printer): void {
    const to = kindOf(after);
    if (before !== null) {
      const from = kindOf(before);
      if (from.every((value, index) => value === to[index])) return;
      this.take(db, from);
    }
    db.run(ADD, ...to);
  }

  /** Counts a printer no more; to be called in the transaction that deletes it. */
  remove(db: Statements, printer: Printer): void {
    this.take(db, kindOf(printer));
  }

  /**
   * Every kind of which there are printers, read in slices of at most `size` rows. A kind may come in several parts.
   *
   * Rules tell kinds apart, but not buckets: whoever evaluates a rule does so once for all buckets of a kind.
   */
  *kinds(db: Statements, size: number): Generator<KindPart[]> {
    let rows = db.allValues(`${SELECT} ${FIRST}`, size);
    for (;;) {
      yield toParts(rows);
      const last = rows.at(-1);
      if (last === undefined || rows.length < size) return;
      rows = db.allValues(`${SELECT} ${NEXT}`, ...last.slice(0, KIND.length), size);
    }
  }

  /** Every platform that a printer has; those that did not say are left out. */
  platforms(db: Statements): string[] {
    return db.allValues(PLATFORMS).map(([platform]) => String(platform));
  }

  /** Every version that a printer runs, by the rollout that brought it (0 for none). */
  versions(db: Statements): Array<{ versionKey: string; versionRolloutId: number }> {
    return db.allValues(VERSIONS).map(([versionKey, versionRolloutId]) => ({
      versionKey: String(versionKey),
      versionRolloutId: Number(versionRolloutId),
    }));
  }

  /** How many printers that are not blocked run a version. */
  running(db: Statements, key: string): number {
    return db.count(RUNNING, key);
  }

  /** The kinds that run a version and are not blocked. */
  kindsRunning(db: Statements, key: string): PrinterCount[] {
    return this.table.select(db, `WHERE ${OF_VERSION}`, key);
  }

  /** How many printers there are of some kind; what is absent does not narrow. */
  count(
    db: Statements,
    kind: { channel?: Channel | undefined; versionKey?: string | undefined; platform?: string | undefined },
  ): number {
    return db.count(
      `SELECT sum(printers) FROM printer_tally WHERE update_channel = coalesce(?, update_channel)
        AND version_key = coalesce(?, version_key) AND platform = coalesce(?, platform)`,
      kind.channel ?? null,
      kind.versionKey ?? null,
      kind.platform ?? null,
    );
  }

  private take(db: Statements, kind: Kind): void {
    db.run(TAKE, ...kind);
    db.run(FORGET, ...kind);
  }
}

// The position of the one column that rules do not look at.
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

function kindOf(printer: Printer): Kind {
  return keyOf({
    ...printer,
    platform: printer.platform ?? '',
    versionRolloutId: printer.versionRolloutId ?? 0,
    previousVersion: printer.previousVersion ?? '',
    movedBack: printer.movedBack ?? '',
  });
}

function keyOf(kind: Omit<PrinterCount, 'printers'>): Kind {
  return [
    kind.updateChannel,
    kind.versionKey,
    kind.platform,
    kind.versionRolloutId,
    kind.previousVersion,
    kind.movedBack,
    kind.bucket,
    kind.blocked ? 1 : 0,
  ];
}
