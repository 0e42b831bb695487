import { Injectable } from '@nestjs/common';

/** Filters that other features answer: only they know whose last update failed, or for whom an update is due. */
export const SELECTIONS = ['failed', 'behind'] as const;
export type SelectionName = (typeof SELECTIONS)[number];

/**
 * Finds the ids of all printers that are selected.
 *
 * @param onlineOnly true if only printers that are online matter
 */
export type Selection = (onlineOnly: boolean) => Promise<ReadonlySet<number>>;

/** Filters of printer lists that are registered by the features that know them, so that this one need not. */
@Injectable()
export class PrinterSelections {
  private readonly selections = new Map<SelectionName, Selection>();

  /** Registers how printers are selected; to be called once, while the server starts. */
  provide(name: SelectionName, selection: Selection): void {
    this.selections.set(name, selection);
  }

  /** The ids of all printers that are selected. */
  find(name: SelectionName, onlineOnly: boolean): Promise<ReadonlySet<number>> {
    const selection = this.selections.get(name);
    if (selection === undefined) throw new Error(`No feature provides the selection "${name}"`);
    return selection(onlineOnly);
  }
}
