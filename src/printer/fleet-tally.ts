import { Injectable } from '@nestjs/common';
import type { Channel } from '../common/channel.js';
import { Database } from '../database/database.js';
import type { Statements } from '../database/statements.js';
import type { Table } from '../database/table.js';
import { PrinterTally } from './printer-tally.entity.js';
import type { Printer } from './printer.entity.js';

const KIND = 'update_channel, version_key, platform, version_rollout_id, blocked';
const OF_KIND =
  'WHERE update_channel = ? AND version_key = ? AND platform = ? AND version_rollout_id = ? AND blocked = ?';
const ADD = `INSERT INTO printer_tally (${KIND}, printers) VALUES (?, ?, ?, ?, ?, 1)
  ON CONFLICT (${KIND}) DO UPDATE SET printers = printers + 1`;
const TAKE = `UPDATE printer_tally SET printers = printers - 1 ${OF_KIND}`;
// At once, not now and then: boards that name another version at each start would leave rows by the thousand.
const FORGET = `DELETE FROM printer_tally ${OF_KIND} AND printers = 0`;

type Kind = [
  channel: Channel,
  versionKey: string,
  platform: string,
  versionRolloutId: number,
  blocked: 0 | 1,
];

/** Keeps `printer_tally` in step with the printers, and counts by it. */
@Injectable()
export class FleetTally {
  private readonly table: Table<PrinterTally>;

  constructor(database: Database) {
    this.table = database.table(PrinterTally);
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

  /** Every kind of which there are printers. */
  kinds(db: Statements): PrinterTally[] {
    return this.table.select(db, '');
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

function kindOf(printer: Printer): Kind {
  const { updateChannel, versionKey, platform, versionRolloutId, blocked } = printer;
  return [updateChannel, versionKey, platform ?? '', versionRolloutId ?? 0, blocked ? 1 : 0];
}
