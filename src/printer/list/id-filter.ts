import type { Sql } from '../../database/sql.js';
import type { Presence } from '../presence.js';
import type { PrinterFilter } from './printer-filter.js';
import { SELECTIONS } from './printer-selections.js';
import type { PrinterSelections } from './printer-selections.js';

/** The part of a filter that is decided by a printer's id, because no column says who is online, behind or failed. */
export class IdFilter {
  private constructor(
    private readonly required: ReadonlyArray<ReadonlySet<number>>,
    private readonly excluded: ReadonlyArray<ReadonlySet<number>>,
  ) {}

  /** Evaluates that part of a filter on one state of the database. */
  static async of(
    sql: Sql,
    filter: PrinterFilter,
    presence: Presence,
    selections: PrinterSelections,
  ): Promise<IdFilter> {
    const required: Array<ReadonlySet<number>> = [];
    const excluded: Array<ReadonlySet<number>> = [];
    const add = (wanted: boolean, ids: ReadonlySet<number>): void =>
      void (wanted ? required : excluded).push(ids);
    if (filter.online !== undefined) add(filter.online, new Set(presence.ids()));
    for (const name of SELECTIONS) {
      const wanted = filter[name];
      if (wanted !== undefined) add(wanted, await selections.find(sql, name, filter.online === true));
    }
    if (filter.aboutToRun !== undefined)
      required.push(await selections.findAboutToRun(sql, filter.aboutToRun));
    return new IdFilter(required, excluded);
  }

  /** True if it selects a printer. */
  allows(id: number): boolean {
    return this.required.every((ids) => ids.has(id)) && !this.excluded.some((ids) => ids.has(id));
  }

  /** The ids of all printers that it selects; null if it selects all printers except `exceptions`. */
  get candidates(): number[] | null {
    const [smallest] = [...this.required].sort((a, b) => a.size - b.size);
    return smallest === undefined ? null : [...smallest].filter((id) => this.allows(id));
  }

  /** The ids that it excludes, if `candidates` is null. */
  get exceptions(): number[] {
    return [...new Set(this.excluded.flatMap((ids) => [...ids]))];
  }
}
