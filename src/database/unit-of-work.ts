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

/** What was committed together. */
export interface Group {
  /** How many pieces of work. */
  pieces: number;
  /** From the begin of the transaction to the end of its commit. */
  seconds: number;
}

// Printers' work waits so long for company: it shares one flush to the disk with all that comes in meanwhile.
const COLLECT_MS = 4;
// After so much work a group is committed and the event loop given back, however much waits.
const GROUP_MS = 4;
// Node visits every storage that was ever used whenever a promise is made, so there is one for all units of work.
const inside = new AsyncLocalStorage<UnitOfWork>();

/**
 * The only place that opens a transaction, and the only way to write.
 *
 * TypeORM has a single SQLite connection: whatever any request does between BEGIN and COMMIT becomes part of that
 * transaction, and would vanish with its rollback. So work is queued and runs one piece after the other. What waits
 * together is committed together, each piece behind a savepoint of its own, so that one flush to the disk serves them
 * all; nobody hears of success before that commit. Work of printers is done in the order in which it was handed in, and so is
 * that of operators; an operator does not wait behind a fleet that reconnects.
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
   * Runs the work in a transaction, and resolves with its result once that is on disk.
   * Inside the work: database calls only, one after the other; no files, no other unit of work. Long work gives the event loop
   * back between its slices (`setImmediate`); the transaction stays open meanwhile, and everybody else's writes wait.
   *
   * @throws what the work throws (its changes are rolled back), the database's error where the commit fails, or UnavailableError
   *   where the server is stopping
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
   * As `run`, for the many small pieces of work that printers cause: synchronous, with prepared statements only; collected for
   * some milliseconds and committed together.
   */
  collect<T>(work: (tx: Transaction) => T): Promise<T> {
    this.refuseNesting();
    if (this.closed) return Promise.reject(new UnavailableError('The server is stopping'));
    return new Promise<T>((resolve, reject) => {
      this.printers.push({ actor: SYSTEM, work, resolve: resolve as (value: unknown) => void, reject });
      if (!this.draining) this.timer ??= setTimeout(() => this.startDraining(), COLLECT_MS);
    });
  }

  /** Calls back whenever a whole group was rolled back: what was remembered of it must be read again. */
  onRollback(listener: () => void): void {
    this.rollbackListeners.push(listener);
  }

  /** Calls back before a group is committed: what was gathered over its pieces can be written once. */
  beforeCommit(preparer: (tx: Transaction) => void): void {
    this.commitPreparers.push(preparer);
  }

  /** Calls back after every group, for whoever measures. */
  afterGroup(listener: (group: Group) => void): void {
    this.groupListeners.push(listener);
  }

  /** The connection is closed only when all work that was handed in has ended; what comes later is refused. */
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
    // One turn of the event loop: work that arrives together goes into one group. Between groups, sockets get their turn.
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
      // A commit into a file that was deleted or replaced meanwhile succeeds, and is lost all the same.
      this.presence.requireDatabase();
      tx.committed();
      const seconds = (performance.now() - begun) / 1_000;
      for (const listener of this.groupListeners) listener({ pieces: group.length, seconds });
    } catch (error) {
      // What is gone has been logged, once and not with every write.
      if (!(error instanceof UnavailableError))
        this.logger.error(`The database refused a transaction: ${String(error)}`);
      // On some errors (the disk is full) SQLite has ended the transaction already, and says so here.
      await rollback(runner).catch(() => undefined);
      for (const listener of this.rollbackListeners) listener();
      // Where nothing could even be begun, those who wait would find the same.
      const failed = group.length > 0 ? group : [...this.operators.splice(0), ...this.printers.splice(0)];
      for (const job of failed) job.reject(error);
      return;
    }
    for (const answer of answers) answer();
  }

  /** Takes waiting work off its queue, piece by piece, until the time is up; at least one piece, lest it wait for ever. */
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

  /** Runs one job behind a savepoint; what it returns tells the job's owner, once the group is committed. */
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
      // SQLite has ended the transaction by itself (the disk is full): what it said first is why.
      throw error;
    }
    tx.failed();
    return () => job.reject(error);
  }
}

// Not TypeORM's own startTransaction: its count of nested transactions goes wrong for good when SQLite ends a
// transaction by itself. The flag keeps `save` and its kin from opening transactions of their own.
async function begin(runner: QueryRunner): Promise<void> {
  // IMMEDIATE: where another process holds the lock, the whole group waits for it once, and not each piece of it.
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
