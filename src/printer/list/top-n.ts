import { sortable } from './keyset.js';
import type { KeyColumn, Position } from './keyset.js';
import type { Printer } from '../printer.entity.js';

/** The sort key of a printer that was found. */
export interface SortKey {
  id: number;
  /** In the format of `sortable`; '' if only the number decides. */
  key: string;
}

/** The sort key of a printer by a column, then by number. */
export function sortKeyOf(printer: Printer, column: KeyColumn | null): SortKey {
  const keys = { name: printer.name, version_key: printer.versionKey, uuid: printer.uuid };
  return { id: printer.id, key: column === null ? '' : sortable(keys[column]) };
}

/** Compares by column, then by number. */
export function compareSortKeys(a: SortKey, b: SortKey): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : a.id - b.id;
}

// Number of extra keys kept before they are sorted and cut off.
const EXTRA_KEYS = 1_000;

/** Keeps the first printers after a position, whatever order they are found in; the others are only counted. */
export class TopN {
  /** Number of printers found, before and after the position. */
  total = 0;
  readonly column: KeyColumn | null;
  private readonly direction: 1 | -1;
  private readonly after: SortKey | null;
  private kept: SortKey[] = [];

  constructor(
    order: { column: KeyColumn | null; descending: boolean; after: Position | null },
    private readonly wanted: number,
  ) {
    const { column, after } = order;
    this.column = column;
    this.direction = order.descending ? -1 : 1;
    this.after = after && { id: after.id, key: column === null ? '' : sortable(after.key) };
  }

  add(found: readonly SortKey[]): void {
    this.total += found.length;
    for (const one of found) if (this.isBehind(one)) this.kept.push(one);
    if (this.kept.length > this.wanted + EXTRA_KEYS) this.cut();
  }

  /** Their numbers, in order. */
  ids(): number[] {
    this.cut();
    return this.kept.map(({ id }) => id);
  }

  private cut(): void {
    this.kept.sort((a, b) => this.direction * compareSortKeys(a, b));
    this.kept = this.kept.slice(0, this.wanted);
  }

  private isBehind(one: SortKey): boolean {
    return this.after === null || this.direction * compareSortKeys(one, this.after) > 0;
  }
}
