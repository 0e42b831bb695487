import type { Actor } from '../common/actor.js';
import type { Sql } from './sql.js';

/** The argument of work that writes: the database, and callbacks for the end of the transaction. */
export class Transaction {
  private readonly preparations: Array<() => Promise<void>> = [];
  private readonly commitCallbacks: Array<() => void> = [];
  private readonly rollbackCallbacks: Array<() => void> = [];
  /** Number of jobs that it carries out: one, except in a batch of printers' jobs. */
  jobs = 1;

  /**
   * @param sql the database within the transaction
   * @param actor on whose behalf the work is done
   */
  constructor(
    readonly sql: Sql,
    readonly actor: Actor,
  ) {}

  /** Registers what must be done last, still within the transaction. */
  beforeCommit(preparation: () => Promise<void>): void {
    this.preparations.push(preparation);
  }

  /** Calls back once everything is committed; never after a rollback. An error of a callback is only logged. */
  afterCommit(callback: () => void): void {
    this.commitCallbacks.push(callback);
  }

  /** Calls back once everything is rolled back: what was cached from this transaction must be dropped. An error of a callback is only logged. */
  afterRollback(callback: () => void): void {
    this.rollbackCallbacks.push(callback);
  }

  /** Only for WriteQueue. */
  async prepareCommit(): Promise<void> {
    for (const prepare of this.preparations) await prepare();
  }

  /** Only for WriteQueue: what to call after the commit. */
  get onCommitted(): ReadonlyArray<() => void> {
    return this.commitCallbacks;
  }

  /** Only for WriteQueue: what to call after a rollback. */
  get onRolledBack(): ReadonlyArray<() => void> {
    return this.rollbackCallbacks;
  }
}
