import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import SqliteDatabase from 'better-sqlite3';
import { QueryFailedError } from 'typeorm';
import { UnavailableError } from '../../common/errors.js';
import { Database } from '../../database/database.js';
import { Batch } from './batch.js';
import type { BatchResult } from './batch.js';
import type { PrinterJob } from './plan/jobs.js';
import { Speakers } from './plan/speakers.js';

/** A job on its way, and what is called when it has been carried out. */
export interface Submission {
  /** Asked when its batch begins: null if the job has become pointless by then. */
  job: () => PrinterJob | null;
  /** Called after the commit, in the order of submission; null if the job had become pointless. */
  done: (result: BatchResult | null) => void;
  /** Called if the job could not be carried out; nothing of it was saved. */
  failed: (error: unknown) => void;
}

// Milliseconds in which jobs gather, so that they share one commit.
const GATHER_MS = 4;
// Milliseconds that a batch may take: the event loop stands still meanwhile. The number of jobs follows from how long the last ones took.
const BATCH_MS = 5;
// Milliseconds after which a transaction takes no further batch. A commit costs as much as a hundred jobs, so batches share it.
const TRANSACTION_MS = 25;
const FIRST_BATCH = 50;
const SMALLEST_BATCH = 10;
const LARGEST_BATCH = 500;

/**
 * Where printers' jobs arrive. Gathers them into batches, one at a time, in the order of submission; batches that are due at the same time
 * share a transaction. If one job makes that fail, its jobs are halved until the bad one stands alone, so that it costs nobody else
 * anything.
 */
@Injectable()
export class Inbox {
  private readonly logger = new Logger('Inbox');
  private readonly waiting: Submission[] = [];
  private timer: NodeJS.Timeout | undefined;
  private running = false;
  private idle: Promise<void> = Promise.resolve();
  private batchSize = FIRST_BATCH;

  constructor(
    private readonly database: Database,
    private readonly batch: Batch,
  ) {
    database.beforeClose(() => this.flush());
  }

  /** Adds a job; `done` or `failed` is called later, never during this call. */
  submit(submission: Submission): void {
    this.waiting.push(submission);
    if (!this.running) this.timer ??= setTimeout(() => this.start(), GATHER_MS);
  }

  private async flush(): Promise<void> {
    this.start();
    while (this.running) await this.idle;
  }

  private start(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.running || this.waiting.length === 0) return;
    this.running = true;
    this.idle = this.run();
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      const taken: Submission[] = [];
      try {
        await this.carryOut(taken, () => this.waiting.splice(0, this.batchSize));
      } catch (error) {
        if (taken.length === 0) {
          // No transaction could begin: none could for those that wait either.
          fail(this.waiting.splice(0), error);
        } else if (isOfDatabase(error)) fail(taken, error);
        else await this.isolate(taken, error);
      }
    }
    // In the same turn as the last look at the queue: whatever is submitted later starts the next run.
    this.running = false;
  }

  /**
   * Carries out batches in one transaction, until there is none left or its time is up.
   *
   * @param taken is filled with the submissions, as they are taken
   * @param next takes the next batch; called once the transaction has begun
   */
  private async carryOut(taken: Submission[], next: () => readonly Submission[]): Promise<void> {
    const results = await this.database.writeBatch(async (tx) => {
      const speakers = new Speakers();
      const all: Array<BatchResult | null> = [];
      const end = performance.now() + TRANSACTION_MS;
      for (let batch = next(); batch.length > 0; batch = performance.now() < end ? next() : []) {
        // Sockets get their turn between batches.
        if (taken.length > 0) await nextTurn();
        taken.push(...batch);
        const begun = performance.now();
        const jobs = batch.map(({ job }) => job());
        all.push(...(await this.batch.run(tx, speakers, jobs)));
        this.adapt(batch.length, performance.now() - begun);
      }
      tx.jobs = taken.length;
      return all;
    });
    // The jobs are on disk: whatever goes wrong with their answers must not carry them out again.
    taken.forEach(({ done }, index) => {
      try {
        done(results[index] ?? null);
      } catch (error) {
        this.logger.error(`The result of a job could not be passed on: ${String(error)}`);
      }
    });
  }

  /** Carries out both halves of a batch that failed because of one of its jobs. */
  private async isolate(submissions: readonly Submission[], error: unknown): Promise<void> {
    if (submissions.length === 1) {
      this.logger.error(
        `A job failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
      fail(submissions, error);
      return;
    }
    const middle = Math.ceil(submissions.length / 2);
    for (const half of [submissions.slice(0, middle), submissions.slice(middle)]) {
      try {
        await this.carryOut([], once(half));
      } catch (again) {
        if (isOfDatabase(again)) fail(half, again);
        else await this.isolate(half, again);
      }
    }
  }

  private adapt(jobs: number, milliseconds: number): void {
    if (jobs < SMALLEST_BATCH) return;
    const fitting = Math.round((jobs * BATCH_MS) / Math.max(milliseconds, 0.1));
    // Grows slowly: one batch of cheap jobs says little about the next.
    this.batchSize = Math.min(LARGEST_BATCH, Math.max(SMALLEST_BATCH, Math.min(fitting, this.batchSize * 2)));
  }
}

function fail(submissions: readonly Submission[], error: unknown): void {
  for (const { failed } of submissions) failed(error);
}

/** Returns the batch at the first call, and an empty one later. */
function once(batch: readonly Submission[]): () => readonly Submission[] {
  const rest = [batch];
  return () => rest.pop() ?? [];
}

/** True for errors that no job is to blame for: the database is locked, full, read-only or gone. */
function isOfDatabase(error: unknown): boolean {
  // TypeORM, which begins and commits, wraps the errors of its driver.
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  return cause instanceof SqliteDatabase.SqliteError
    ? !/^SQLITE_(?:CONSTRAINT|MISMATCH|RANGE|ERROR)/.test(cause.code)
    : cause instanceof UnavailableError;
}
