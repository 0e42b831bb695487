import { Injectable } from '@nestjs/common';
import type { Channel } from '../common/channel.js';
import { Database } from '../database/database.js';
import type { Statements } from '../database/statements.js';
import type { Table } from '../database/table.js';
import { PrinterTally } from './printer-tally.entity.js';
import type { Printer } from './printer.entity.js';

const ADD = `INSERT INTO printer_tally (update_channel, version_key, platform, version_rollout_id, printers)
  VALUES (?, ?, ?, ?, 1)
  ON CONFLICT (update_channel, version_key, platform, version_rollout_id) DO UPDATE SET printers = printers + 1`;
const TAKE = `UPDATE printer_tally SET printers = printers - 1
  WHERE update_channel = ? AND version_key = ? AND platform = ? AND version_rollout_id = ?`;
// A board that names another version at each start leaves a row each time. So many are looked for at once: a few milliseconds.
const PRUNE = `DELETE FROM printer_tally WHERE (update_channel, version_key, platform, version_rollout_id) IN
  (SELECT update_channel, version_key, platform, version_rollout_id FROM printer_tally WHERE printers = 0 LIMIT 1000)`;

type Kind = [channel: Channel, versionKey: string, platform: string, versionRolloutId: number];

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
      db.run(TAKE, ...from);
    }
    db.run(ADD, ...to);
  }

  /** Counts a printer no more; to be called in the transaction that deletes it. */
  remove(db: Statements, printer: Printer): void {
    db.run(TAKE, ...kindOf(printer));
  }

  /** Forgets kinds of which there are no printers any more. */
  prune(db: Statements): void {
    db.run(PRUNE);
  }

  /** Every kind of which there are printers. */
  kinds(db: Statements): PrinterTally[] {
    return this.table.select(db, 'WHERE printers > 0');
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
}

function kindOf(printer: Printer): Kind {
  return [printer.updateChannel, printer.versionKey, printer.platform ?? '', printer.versionRolloutId ?? 0];
}
