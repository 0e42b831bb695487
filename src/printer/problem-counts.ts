import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import type { Statements } from '../database/statements.js';
import { problemsOf } from './printer-problems.js';

/** Stands for the printers that have a problem with whichever field. */
export const ANY_FIELD = 'any';

const ADD = `INSERT INTO problem_tally (field, printers) VALUES (?, ?)
  ON CONFLICT (field) DO UPDATE SET printers = printers + excluded.printers`;

/** Counts the printers that have problems, by field: `problem_tally` has one row for each. */
@Injectable()
export class ProblemCounts {
  constructor(private readonly database: Database) {}

  /**
   * Counts a change of a printer's problems; to be called in the transaction that writes the printer.
   *
   * @param before as stored; null: none
   * @param after likewise
   */
  move(db: Statements, before: string | null, after: string | null): void {
    if (before === after) return;
    const had = fieldsOf(before);
    const has = fieldsOf(after);
    for (const field of had) if (!has.has(field)) db.run(ADD, field, -1);
    for (const field of has) if (!had.has(field)) db.run(ADD, field, 1);
  }

  /** How many printers have a problem with each field, and with `ANY_FIELD`. */
  byField(): Map<string, number> {
    const rows = this.database.reader.all('SELECT field, printers FROM problem_tally');
    return new Map(rows.map(({ field, printers }) => [String(field), Number(printers)]));
  }
}

function fieldsOf(text: string | null): Set<string> {
  if (text === null) return new Set();
  return new Set([ANY_FIELD, ...problemsOf(text).map(({ field }) => field)]);
}
