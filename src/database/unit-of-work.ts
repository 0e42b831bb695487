import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { QueryRunner } from 'typeorm';
import { SYSTEM, currentActor } from '../common/actor.js';
import type { Actor } from '../common/actor.js';
import { UnavailableError } from '../common/errors.js';
import { DataPresence } from './sqlite/data-presence.js';
import { Database } from './database.js';
import { Transaction } from './transaction.js';

interface Job<Result> {
  actor: Actor;
  work: (tx: Transaction) => Result;
  resolve: (value: unknown) => void;
  reject: (reason: unknown) => void;
}

/** A group of jobs committed together. */
export interface Group {
  /** Number of jobs. */
  pieces: number;
  /** Time from BEGIN to the end of COMMIT, in seconds. */
  seconds: number;
}

// Milliseconds to collect printers' jobs before a commit, so that they share one flush to the disk.
const COLLECT_MS = 4;
// Milliseconds of work after which a group is committed, even if more jobs are queued: the event loop runs between groups.
const GROUP_MS = 4;
// One storage for all units of work: Node visits every storage that was ever used whenever a promise is created.
const inside = new AsyncLocalStorage<UnitOfWork>();

/**
 * The only place that opens a transaction, and the only way to write.
 *
 * TypeORM has a single SQLite connection: whatever any request does between BEGIN and COMMIT becomes part of that transaction, and would
 * vanish with its rollback. So jobs are queued and run one at a time. Jobs that are queued together are committed together, each behind its
 * own savepoint, so that they share one flush to the disk; no job resolves before that commit. Printers' jobs run in the order in which
 * they were submitted, and so do operators' jobs; an operator never waits behind a reconnecting fleet.
 */
@Injectable()
export class UnitOfWork implements BeforeApplicationShutdown {
  private readonly logger = new Logger(UnitOfWork.name);
  private insideCollected = false;
  private readonly rollbackListeners: Array<() => void> = [];
  private readonly groupListeners: Array<(group: Group) => void> = [];
  private readonly commitPreparers: Array<(tx: Transaction) => void> = [];
  private readonly operators: Array<Job<Promise<unknown>>> = [];
  private readonly printers: Array<Job<unknown>> = [];
  private timer: NodeJS.Timeout | undefined;
  private idle: Promise<void> = Promise.resolve();
  private draining = false;
  private closed = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly database: Database,
    private readonly presence: DataPresence,
  ) {}

  /**
   * Runs the work in a transaction, and resolves with its result once that is on disk. The work may only call the database, one call after
   * the other: no files, no nested unit of work. Long work yields to the event loop between its slices (`setImmediate`); the transaction
   * stays open meanwhile, and all other writes wait.
   *
   * @throws what the work throws (its changes are rolled back), the database's error if the commit fails, or UnavailableError if the server
   *   is stopping
   */
  run<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.refuseNesting();
    if (this.closed) return Promise.reject(new UnavailableError('The server is stopping'));
    return new Promise<T>((resolve, reject) => {
      this.operators.push({
        actor: currentActor(),
        work,
        resolve: resolve as (value: unknown) => void,
        reject,
      });
      this.startDraining();
    });
  }

  /**
   * Like `run`, for the many small jobs that printers cause: synchronous, with prepared statements only, collected for a few milliseconds
   * and committed together.
   */
  collect<T>(work: (tx: Transaction) => T): Promise<T> {
    this.refuseNesting();
    if (this.closed) return Promise.reject(new UnavailableError('The server is stopping'));
    return new Promise<T>((resolve, reject) => {
      this.printers.push({ actor: SYSTEM, work, resolve: resolve as (value: unknown) => void, reject });
      if (!this.draining) this.timer ??= setTimeout(() => this.startDraining(), COLLECT_MS);
    });
  }

  /** Calls back after a whole group was rolled back: data cached from it must be read again. */
  onRollback(listener: () => void): void {
    this.rollbackListeners.push(listener);
  }

  /** Calls back before a group is committed, to write once what was collected from its jobs. */
  beforeCommit(preparer: (tx: Transaction) => void): void {
    this.commitPreparers.push(preparer);
  }

  /** Calls back after every commit, for metrics. */
  afterGroup(listener: (group: Group) => void): void {
    this.groupListeners.push(listener);
  }

  /** Waits for all submitted jobs, then refuses new ones; the connection is closed after that. */
  async beforeApplicationShutdown(): Promise<void> {
    if (this.printers.length > 0) this.startDraining();
    while (this.draining) await this.idle;
    this.closed = true;
  }

  private refuseNesting(): void {
    if (this.insideCollected || inside.getStore() === this)
      throw new Error('A unit of work was opened inside another one');
  }

  private startDraining(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.draining) return;
    this.draining = true;
    this.idle = this.drain();
  }

  private async drain(): Promise<void> {
    // Yields first: jobs that arrive together go into one group, and sockets get their turn between groups.
    do {
      await nextTurn();
      await this.runGroup();
    } while (this.operators.length > 0 || this.printers.length > 0);
    this.draining = false;
  }

  private async runGroup(): Promise<void> {
    const runner = this.dataSource.createQueryRunner();
    const group: Array<Job<unknown>> = [];
    const answers: Array<() => void> = [];
    try {
      this.presence.requireAll();
      await begin(runner);
      const begun = performance.now();
      const end = begun + GROUP_MS;
      for (const job of this.take(this.operators, end)) {
        group.push(job);
        answers.push(await this.attempt(runner, job));
      }
      for (const job of this.take(this.printers, end)) {
        group.push(job);
        answers.push(this.attemptCollected(runner, job));
      }
      const tx = new Transaction(runner.manager, this.database.writer, SYSTEM, false);
      for (const prepare of this.commitPreparers) prepare(tx);
      await commit(runner);
      // A commit to a file that was deleted or replaced in the meantime succeeds, but its data is lost.
      this.presence.requireDatabase();
      tx.committed();
      const seconds = (performance.now() - begun) / 1_000;
      for (const listener of this.groupListeners) listener({ pieces: group.length, seconds });
    } catch (error) {
      // DataPresence has already logged what is missing, once instead of with every write.
      if (!(error instanceof UnavailableError))
        this.logger.error(`The database refused a transaction: ${String(error)}`);
      // On some errors (such as a full disk) SQLite has already ended the transaction, and reports that here.
      await rollback(runner).catch(() => undefined);
      for (const listener of this.rollbackListeners) listener();
      // If the transaction could not even begin, every queued job would fail in the same way.
      const failed = group.length > 0 ? group : [...this.operators.splice(0), ...this.printers.splice(0)];
      for (const job of failed) job.reject(error);
      return;
    }
    for (const answer of answers) answer();
  }

  /** Takes jobs off the queue one by one until the time is up; at least one, so that the queue always advances. */
  private *take<Result>(waiting: Array<Job<Result>>, end: number): Generator<Job<Result>> {
    let taken = 0;
    try {
      for (const job of waiting) {
        if (taken > 0 && performance.now() > end) return;
        taken += 1;
        yield job;
      }
    } finally {
      waiting.splice(0, taken);
    }
  }

  /** Runs one job behind a savepoint. Call the returned function after the commit to settle the job's promise. */
  private async attempt(runner: QueryRunner, job: Job<Promise<unknown>>): Promise<() => void> {
    const tx = new Transaction(runner.manager, this.database.writer, job.actor, false);
    this.database.writer.run('SAVEPOINT job');
    try {
      const result = await inside.run(this, () => job.work(tx));
      return this.succeed(tx, job, result);
    } catch (error) {
      return this.fail(tx, job, error);
    }
  }

  private attemptCollected(runner: QueryRunner, job: Job<unknown>): () => void {
    const tx = new Transaction(runner.manager, this.database.writer, job.actor, true);
    this.database.writer.run('SAVEPOINT job');
    this.insideCollected = true;
    try {
      return this.succeed(tx, job, job.work(tx));
    } catch (error) {
      return this.fail(tx, job, error);
    } finally {
      this.insideCollected = false;
    }
  }

  private succeed(tx: Transaction, job: Job<unknown>, result: unknown): () => void {
    this.database.writer.run('RELEASE job');
    tx.succeeded();
    return () => {
      tx.committed();
      job.resolve(result);
    };
  }

  private fail(tx: Transaction, job: Job<unknown>, error: unknown): () => void {
    try {
      this.database.writer.run('ROLLBACK TO job');
      this.database.writer.run('RELEASE job');
    } catch {
      // SQLite has already ended the transaction by itself (such as on a full disk): its first error is the cause.
      throw error;
    }
    tx.failed();
    return () => job.reject(error);
  }
}

// Not TypeORM's own startTransaction: its count of nested transactions goes wrong for good when SQLite ends a transaction by itself. The
// flag keeps `save` and similar methods from opening their own transactions.
async function begin(runner: QueryRunner): Promise<void> {
  // IMMEDIATE: if another process holds the lock, the whole group waits for it once, instead of each of its jobs.
  await runner.query('BEGIN IMMEDIATE');
  Object.assign(runner, { isTransactionActive: true });
}

async function commit(runner: QueryRunner): Promise<void> {
  await runner.query('COMMIT');
  Object.assign(runner, { isTransactionActive: false });
}

async function rollback(runner: QueryRunner): Promise<void> {
  await runner.query('ROLLBACK');
  Object.assign(runner, { isTransactionActive: false });
}
