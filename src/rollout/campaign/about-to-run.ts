import { Injectable } from '@nestjs/common';
import { versionKey } from '../../common/version.js';
import { Database } from '../../database/database.js';
import { PrinterSelections } from '../../printer/list/printer-selections.js';
import type { Sql, SqlValue } from '../../database/sql.js';

/** A printer that is about to run a version. */
export interface ArrivingPrinter {
  id: number;
  /** The version that it runs until then; null if it cannot be read. */
  firmwareVersion: string | null;
  platform: string | null;
}

// Rows per statement.
const BATCH = 500;
// Reads the partial index over unconfirmed updates. A printer has at most one such update.
const ABOUT_TO_RUN = `SELECT u.printer_id, p.firmware_version, p.platform, p.version_key <> ? AND p.blocked = false
  FROM printer_update u JOIN printer p ON p.id = u.printer_id
  WHERE u.status IN ('in_progress', 'completed') AND u.confirmed = false AND u.firmware_version = ? AND u.printer_id > ?
  ORDER BY u.printer_id LIMIT ${BATCH}`;

/**
 * Finds the printers that are about to run a version: their update to it is in progress, or they have reported it and have not reconnected
 * yet. Blocked printers are left out, as everywhere.
 */
@Injectable()
export class AboutToRun {
  constructor(
    private readonly database: Database,
    selections: PrinterSelections,
  ) {
    selections.provideAboutToRun((sql, version) => this.ids(sql, version));
  }

  /**
   * Reads these printers in slices.
   *
   * @param sql a snapshot or a transaction, if they must all be of one moment
   */
  async *of(sql: Sql, version: string): AsyncGenerator<ArrivingPrinter[]> {
    for (let after = 0; ;) {
      const rows = await sql.values(ABOUT_TO_RUN, versionKey(version), version, after);
      yield rows.flatMap(([id, firmwareVersion, platform, concerns]) =>
        concerns === 1
          ? [{ id: Number(id), firmwareVersion: textOf(firmwareVersion), platform: textOf(platform) }]
          : [],
      );
      if (rows.length < BATCH) return;
      after = Number(rows.at(-1)?.[0]);
    }
  }

  /** Number of these printers at present. */
  async count(version: string): Promise<number> {
    return (await this.database.scan((sql) => this.ids(sql, version))).size;
  }

  private async ids(sql: Sql, version: string): Promise<ReadonlySet<number>> {
    const ids = new Set<number>();
    for await (const printers of this.of(sql, version)) for (const { id } of printers) ids.add(id);
    return ids;
  }
}

function textOf(value: SqlValue | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}
