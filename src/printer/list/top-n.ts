import { sortable } from './keyset.js';
import type { KeyColumn, Position } from './keyset.js';
import type { Printer } from '../printer.entity.js';

/** A printer that was found, as far as its place in the order goes. */
export interface SortKey {
  id: number;
  /** `sortable`; '' where the number alone decides. */
  key: string;
}

/** The place of a printer in the order of a column, and then of the number. */
export function sortKeyOf(printer: Printer, column: KeyColumn | null): SortKey {
  const keys = { name: printer.name, version_key: printer.versionKey, uuid: printer.uuid };
  return { id: printer.id, key: column === null ? '' : sortable(keys[column]) };
}

/** The order of a column, and then of the number. */
export function compareSortKeys(a: SortKey, b: SortKey): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : a.id - b.id;
}

// So many more than are wanted are kept before they are sorted and cut.
const SPARE = 1_000;

/** The first printers behind a position, of all that are found in whatever order; the others are counted and forgotten. */
export class TopN {
  /** How many were found, before the position and behind it. */
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
    if (this.kept.length > this.wanted + SPARE) this.cut();
  }

  /** Their numbers, in the order. */
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
