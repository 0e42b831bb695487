import { Injectable, Logger } from '@nestjs/common';
import SqliteDatabase from 'better-sqlite3';
import { UnavailableError } from '../../common/errors.js';
import { Database } from '../../database/database.js';
import { Batch } from './batch.js';
import type { BatchResult } from './batch.js';
import type { PrinterJob } from './plan/jobs.js';

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
const FIRST_BATCH = 50;
const SMALLEST_BATCH = 10;
const LARGEST_BATCH = 500;

/**
 * Where printers' jobs arrive. Gathers them into batches, one at a time, in the order of submission. If one job makes a batch fail, the
 * batch is halved until that job stands alone, so that it costs nobody else anything.
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
        await this.carryOut(() => {
          taken.push(...this.waiting.splice(0, this.batchSize));
          return taken;
        });
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

  /** Carries out a batch; `take` is called once the transaction has begun. */
  private async carryOut(take: () => readonly Submission[]): Promise<void> {
    let submissions: readonly Submission[] = [];
    const results = await this.database.writeBatch(async (tx) => {
      submissions = take();
      tx.jobs = submissions.length;
      const begun = performance.now();
      const planned = await this.batch.run(
        tx,
        submissions.map(({ job }) => job()),
      );
      this.adapt(submissions.length, performance.now() - begun);
      return planned;
    });
    submissions.forEach(({ done }, index) => done(results[index] ?? null));
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
        await this.carryOut(() => half);
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

/** True for errors that no job is to blame for: the database is locked, full, read-only or gone. */
function isOfDatabase(error: unknown): boolean {
  return error instanceof SqliteDatabase.SqliteError
    ? !/^SQLITE_(?:CONSTRAINT|MISMATCH|RANGE|ERROR)/.test(error.code)
    : error instanceof UnavailableError;
}
