import type { Transaction } from './transaction.js';
import type { UnitOfWork } from './unit-of-work.js';

/** The amount to add to each counter of a row. */
export type CounterChange<Counter extends string> = Partial<Record<Counter, number>>;

/**
 * Sums counter changes over all the work of one commit, and writes each row once before that commit: a thousand printers that complete an
 * update in one group cost one change to their rollout's counters.
 */
export class CounterBuffer<Counter extends string> {
  private readonly changes = new Map<number, Map<Counter, number>>();

  /** @param write adds a change to the row with that number */
  constructor(
    unitOfWork: UnitOfWork,
    private readonly write: (tx: Transaction, id: number, change: CounterChange<Counter>) => void,
  ) {
    unitOfWork.beforeCommit((tx) => this.writeAll(tx));
    unitOfWork.onRollback(() => this.changes.clear());
  }

  /** Changes counters within the transaction: at its end for printers' work, at once for operators, who read them back. */
  add(tx: Transaction, id: number, change: CounterChange<Counter>): void {
    if (tx.collected) tx.onSuccess(() => this.sum(id, change));
    else this.write(tx, id, change);
  }

  private sum(id: number, change: CounterChange<Counter>): void {
    const sums = this.changes.get(id) ?? new Map<Counter, number>();
    for (const [counter, by] of entriesOf(change)) sums.set(counter, (sums.get(counter) ?? 0) + by);
    this.changes.set(id, sums);
  }

  private writeAll(tx: Transaction): void {
    for (const [id, sums] of this.changes) {
      if ([...sums.values()].every((by) => by === 0)) continue;
      this.write(tx, id, Object.fromEntries(sums) as CounterChange<Counter>);
    }
    this.changes.clear();
  }
}

function entriesOf<Counter extends string>(change: CounterChange<Counter>): Array<[Counter, number]> {
  return Object.entries(change) as Array<[Counter, number]>;
}
