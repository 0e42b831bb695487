import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type {
  EntityManager,
  EntityTarget,
  ObjectLiteral,
  QueryDeepPartialEntity,
  QueryRunner,
} from 'typeorm';

/** What a piece of work gets: the database, and a way to speak of it once it is safe. */
export class Transaction {
  private readonly callbacks: Array<() => void> = [];

  constructor(readonly em: EntityManager) {}

  /** Inserts one row and returns its number. */
  async insert<T extends ObjectLiteral>(
    entity: EntityTarget<T>,
    row: QueryDeepPartialEntity<T>,
  ): Promise<number> {
    const { identifiers } = await this.em.insert(entity, row);
    return Number(identifiers[0]?.id);
  }

  /** Calls back when this work has been committed; never, where it was rolled back. Callbacks must not throw. */
  afterCommit(callback: () => void): void {
    this.callbacks.push(callback);
  }

  /** For the unit of work alone. */
  committed(): void {
    for (const callback of this.callbacks) callback();
  }
}

type Work<T> = (tx: Transaction) => Promise<T>;

interface Job {
  work: Work<unknown>;
  resolve: (value: unknown) => void;
  reject: (reason: unknown) => void;
}

// Long enough to share a flush to the disk among many, short enough that nobody waits for it.
const LARGEST_GROUP = 250;

/**
 * The only place that opens a transaction, and the only way to the database, for reads as well as writes.
 *
 * TypeORM has a single SQLite connection: whatever any request does between BEGIN and COMMIT becomes part of that
 * transaction, and would vanish with its rollback. So work is queued and runs one piece after the other, in the order in
 * which it was handed in. What waits together is committed together, each piece behind a savepoint of its own, so that
 * one flush to the disk serves them all; nobody hears of success before that commit.
 */
@Injectable()
export class UnitOfWork implements BeforeApplicationShutdown {
  private readonly logger = new Logger(UnitOfWork.name);
  private readonly inside = new AsyncLocalStorage<true>();
  private readonly rollbackListeners: Array<() => void> = [];
  private readonly waiting: Job[] = [];
  private idle: Promise<void> = Promise.resolve();
  private draining = false;

  constructor(private readonly dataSource: DataSource) {}

  /**
   * Runs the work in a transaction, and resolves with its result once that is on disk.
   * Inside the work: database calls only, one after the other; no files, no timers, no other unit of work.
   *
   * @throws what the work throws (its changes are rolled back), or the database's error where the commit fails
   */
  run<T>(work: Work<T>): Promise<T> {
    if (this.inside.getStore()) throw new Error('A unit of work was opened inside another one');
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({ work, resolve: resolve as (value: unknown) => void, reject });
      if (!this.draining) {
        this.draining = true;
        this.idle = this.drain();
      }
    });
  }

  /** Calls back whenever something was rolled back: what was remembered of it must be read again. */
  onRollback(listener: () => void): void {
    this.rollbackListeners.push(listener);
  }

  /** The connection is closed only when all work that was handed in has ended. */
  async beforeApplicationShutdown(): Promise<void> {
    while (this.draining) await this.idle;
  }

  private async drain(): Promise<void> {
    // One turn of the event loop: work that arrives together goes into one group.
    await new Promise(setImmediate);
    while (this.waiting.length > 0) await this.runGroup();
    this.draining = false;
  }

  private async runGroup(): Promise<void> {
    const runner = this.dataSource.createQueryRunner();
    const group: Job[] = [];
    const answers: Array<() => void> = [];
    try {
      await begin(runner);
      while (group.length < LARGEST_GROUP) {
        const job = this.waiting.shift();
        if (job === undefined) break;
        group.push(job);
        answers.push(await this.attempt(runner, job));
      }
      await end(runner, 'COMMIT');
    } catch (error) {
      this.logger.error(`The database refused a transaction: ${String(error)}`);
      // On some errors (the disk is full) SQLite has ended the transaction already, and says so here.
      await end(runner, 'ROLLBACK').catch(() => undefined);
      this.rolledBack();
      // Where nothing could even be begun, those who wait would find the same.
      const failed = group.length > 0 ? group : this.waiting.splice(0);
      for (const job of failed) job.reject(error);
      return;
    }
    for (const answer of answers) answer();
  }

  /** Runs one job behind a savepoint; what it returns tells the job's owner, once the group is committed. */
  private async attempt(runner: QueryRunner, job: Job): Promise<() => void> {
    const tx = new Transaction(runner.manager);
    await runner.query('SAVEPOINT job');
    try {
      const result = await this.inside.run(true, () => job.work(tx));
      await runner.query('RELEASE job');
      return () => {
        tx.committed();
        job.resolve(result);
      };
    } catch (error) {
      await runner.query('ROLLBACK TO job');
      await runner.query('RELEASE job');
      this.rolledBack();
      return () => job.reject(error);
    }
  }

  private rolledBack(): void {
    for (const listener of this.rollbackListeners) listener();
  }
}

// Not TypeORM's own startTransaction: its count of nested transactions goes wrong for good when SQLite ends a
// transaction by itself. The flag keeps `save` and its kin from opening transactions of their own.
async function begin(runner: QueryRunner): Promise<void> {
  await runner.query('BEGIN');
  Object.assign(runner, { isTransactionActive: true });
}

async function end(runner: QueryRunner, statement: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  await runner.query(statement);
  Object.assign(runner, { isTransactionActive: false });
}
