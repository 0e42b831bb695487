import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import { SYSTEM, currentActor } from '../common/actor.js';
import type { Actor } from '../common/actor.js';
import { UnavailableError } from '../common/errors.js';
import { Repeats } from '../common/limits/repeats.js';
import type { Sql } from './sql.js';
import { Transaction } from './transaction.js';

/** Work that is done in a transaction of its own. */
type Work<T> = (tx: Transaction) => Promise<T> | T;

interface Queued {
  actor: Actor;
  work: Work<unknown>;
  resolve: (value: unknown) => void;
  reject: (reason: unknown) => void;
}

/** A transaction that was committed. */
export interface Commit {
  /** Number of jobs that it carried out. */
  jobs: number;
  /** Time from BEGIN to the end of COMMIT, in seconds. */
  seconds: number;
}

/** The connection that writes: one transaction at a time. */
export interface WritingConnection {
  /** Begins a transaction. If the connection has failed since the last one, it is replaced. */
  begin(): Promise<Sql>;
  /** Resolves once the transaction is durable: true if it has changed something. */
  commit(): Promise<boolean>;
  /** Ends a transaction that failed, also one that did not begin or has ended already. Never rejects. */
  rollback(): Promise<void>;
}

// One storage for all queues: Node visits every storage that was ever used whenever a promise is created.
const inside = new AsyncLocalStorage<WriteQueue>();

/**
 * The only place that opens a transaction.
 *
 * The process writes on one connection: whatever any request does between BEGIN and COMMIT becomes part of that transaction, and would
 * vanish with its rollback. So transactions run one at a time. Operators and batches of printers' jobs take
 * turns: an operator waits for one batch at most, however many printers reconnect, and a script of an operator keeps no printer waiting.
 */
export class WriteQueue {
  private readonly logger = new Logger('Database');
  private readonly operators: Queued[] = [];
  private readonly batches: Queued[] = [];
  private readonly commitListeners: Array<(commit: Commit) => void> = [];
  private readonly refusals = new Repeats();
  private batchIsNext = false;
  private draining = false;
  private idle: Promise<void> = Promise.resolve();
  private closed = false;
  /** Number of commits that have changed something. */
  commits = 0;

  constructor(private readonly connection: WritingConnection) {}

  /** Queues work of an operator, or of the server itself. `Database.write` has the promise that it makes. */
  run<T>(work: Work<T>): Promise<T> {
    if (inside.getStore() === this) throw new Error('A transaction was opened inside another one');
    return this.add(this.operators, currentActor(), (tx) => inside.run(this, () => work(tx)));
  }

  /** Queues a batch of printers' jobs. */
  runBatch<T>(work: Work<T>): Promise<T> {
    return this.add(this.batches, SYSTEM, work);
  }

  /** Calls back after every commit. */
  onCommit(listener: (commit: Commit) => void): void {
    this.commitListeners.push(listener);
  }

  /** Waits for everything that is queued, then refuses new work. */
  async close(): Promise<void> {
    while (this.draining) await this.idle;
    this.closed = true;
  }

  private add<T>(queue: Queued[], actor: Actor, work: Work<T>): Promise<T> {
    if (this.closed) return Promise.reject(new UnavailableError('The server is stopping'));
    return new Promise<T>((resolve, reject) => {
      queue.push({ actor, work, resolve: resolve as (value: unknown) => void, reject });
      if (this.draining) return;
      this.draining = true;
      this.idle = this.drain();
    });
  }

  private async drain(): Promise<void> {
    for (let next = this.takeNext(); next !== undefined; next = this.takeNext()) await this.carryOut(next);
    this.draining = false;
  }

  private takeNext(): Queued | undefined {
    const batch = this.batchIsNext || this.operators.length === 0 ? this.batches.shift() : undefined;
    this.batchIsNext = batch === undefined;
    return batch ?? this.operators.shift();
  }

  private async carryOut({ actor, work, resolve, reject }: Queued): Promise<void> {
    const begun = performance.now();
    let tx: Transaction;
    try {
      tx = new Transaction(await this.connection.begin(), actor);
    } catch (error) {
      this.logRefusal(error);
      // A transaction that a failed rollback has left open would refuse every other one.
      await this.connection.rollback();
      // Whatever else is queued would fail in the same way.
      for (const one of [...this.operators.splice(0), ...this.batches.splice(0)]) one.reject(error);
      reject(error);
      return;
    }
    let result: unknown;
    try {
      result = await work(tx);
      await tx.prepareCommit();
    } catch (error) {
      await this.undo(tx);
      reject(error);
      return;
    }
    try {
      if (await this.connection.commit()) this.commits += 1;
    } catch (error) {
      this.logRefusal(error);
      await this.undo(tx);
      reject(error);
      return;
    }
    this.callBack(tx.onCommitted);
    const seconds = (performance.now() - begun) / 1_000;
    this.callBack(this.commitListeners.map((listener) => () => listener({ jobs: tx.jobs, seconds })));
    resolve(result);
  }

  private async undo(tx: Transaction): Promise<void> {
    await this.connection.rollback();
    this.callBack(tx.onRolledBack);
  }

  /** The transaction has ended: whatever goes wrong now changes nothing about it, and must not stop the queue. */
  private callBack(callbacks: ReadonlyArray<() => void>): void {
    for (const callback of callbacks) {
      try {
        callback();
      } catch (error) {
        this.logger.error(`A callback after a transaction failed: ${String(error)}`);
      }
    }
  }

  /** Logs a refusal, the same one at most once a minute: a full disk refuses every transaction. */
  private logRefusal(error: unknown): void {
    // DataPresence has already logged what is missing, once instead of with every write.
    if (error instanceof UnavailableError) return;
    const refusal = String(error);
    this.refusals.run(refusal, () => this.logger.error(`The database refused a transaction: ${refusal}`));
  }
}
