import { Injectable } from '@nestjs/common';
import type { Sql } from '../../database/sql.js';

/** Reads how many printers have a problem with each field; `PrinterCounts` writes it. */
@Injectable()
export class ProblemCounts {
  /** Number of printers that have a problem with each field, and with `ANY_FIELD`. */
  async byField(sql: Sql): Promise<Map<string, number>> {
    const rows = await sql.rows('SELECT field, printers FROM problem_count');
    return new Map(rows.map(({ field, printers }) => [String(field), Number(printers)]));
  }
}
