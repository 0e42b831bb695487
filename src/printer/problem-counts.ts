import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';

/** Reads how many printers have a problem with each field; `PrinterCounts` writes it. */
@Injectable()
export class ProblemCounts {
  constructor(private readonly database: Database) {}

  /** Number of printers that have a problem with each field, and with `ANY_FIELD`. */
  byField(): Map<string, number> {
    const rows = this.database.reader.all('SELECT field, printers FROM problem_count');
    return new Map(rows.map(({ field, printers }) => [String(field), Number(printers)]));
  }
}
