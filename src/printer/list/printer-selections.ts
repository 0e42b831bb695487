import { Injectable } from '@nestjs/common';
import type { Sql } from '../../database/sql.js';

/** Filters that other features evaluate: only they know whose last update failed, or for whom an update is due. */
export const SELECTIONS = ['failed', 'behind'] as const;
export type SelectionName = (typeof SELECTIONS)[number];

/**
 * Finds the ids of all printers that are selected.
 *
 * @param sql one state of the database
 * @param onlineOnly true if only printers that are online matter
 */
export type Selection = (sql: Sql, onlineOnly: boolean) => Promise<ReadonlySet<number>>;

/** Finds the ids of all printers that are about to run a version. */
export type AboutToRunSelection = (sql: Sql, version: string) => Promise<ReadonlySet<number>>;

/** Filters of printer lists that other features register, so that this one does not depend on them. */
@Injectable()
export class PrinterSelections {
  private readonly selections = new Map<SelectionName, Selection>();
  private aboutToRun: AboutToRunSelection | null = null;

  /** Registers a selection. Call it once, while the server starts. */
  provide(name: SelectionName, selection: Selection): void {
    this.selections.set(name, selection);
  }

  /** Registers the selection of printers that are about to run a version. Call it once, while the server starts. */
  provideAboutToRun(selection: AboutToRunSelection): void {
    this.aboutToRun = selection;
  }

  /** The ids of all printers that are about to run a version, in its canonical form. */
  findAboutToRun(sql: Sql, version: string): Promise<ReadonlySet<number>> {
    if (this.aboutToRun === null) throw new Error('No feature provides the selection by version');
    return this.aboutToRun(sql, version);
  }

  /** The ids of all printers that are selected. */
  find(sql: Sql, name: SelectionName, onlineOnly: boolean): Promise<ReadonlySet<number>> {
    const selection = this.selections.get(name);
    if (selection === undefined) throw new Error(`No feature provides the selection "${name}"`);
    return selection(sql, onlineOnly);
  }
}
