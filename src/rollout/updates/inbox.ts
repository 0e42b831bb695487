import { Injectable, Logger } from '@nestjs/common';
import { ConnectionLostError } from '../../common/errors.js';
import { Repeats } from '../../common/limits/repeats.js';
import { Database } from '../../database/database.js';
import { isDatabaseDown } from '../../database/database-errors.js';
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
// Maximum jobs in a batch. Planning that many takes some milliseconds, in which the event loop stands still.
const MAX_BATCH = 200;

/**
 * Where printers' jobs arrive. Gathers them into batches, one at a time, in the order of submission, each in a transaction. If one job
 * makes that fail, its jobs are halved until the bad one stands alone, so that it costs nobody else anything.
 */
@Injectable()
export class Inbox {
  private readonly logger = new Logger('Inbox');
  private readonly jobFailures = new Repeats();
  private readonly waiting: Submission[] = [];
  private timer: NodeJS.Timeout | undefined;
  private running = false;
  private idle: Promise<void> = Promise.resolve();

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
        await this.carryOut(taken, () => this.waiting.splice(0, MAX_BATCH));
      } catch (error) {
        if (taken.length === 0) {
          // No transaction could begin: none could for those that wait either.
          fail(this.waiting.splice(0), error);
        } else if (error instanceof ConnectionLostError) await this.carryOutAgain(taken);
        else if (isDatabaseDown(error)) fail(taken, error);
        else await this.isolate(taken, error);
      }
    }
    // In the same turn as the last look at the queue: whatever is submitted later starts the next run.
    this.running = false;
  }

  /**
   * Carries out a batch.
   *
   * @param taken is filled with its submissions
   * @param next takes the batch; called once the transaction has begun
   */
  private async carryOut(taken: Submission[], next: () => readonly Submission[]): Promise<void> {
    const results = await this.database.writeBatch((tx) => {
      taken.push(...next());
      tx.jobs = taken.length;
      const jobs = taken.map(({ job }) => job());
      return this.batch.run(tx, jobs);
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

  /** Carries out a batch whose connection to the database was lost: printers need not notice that. */
  private async carryOutAgain(submissions: readonly Submission[]): Promise<void> {
    try {
      await this.carryOut([], () => submissions);
    } catch (error) {
      if (isDatabaseDown(error)) fail(submissions, error);
      else await this.isolate(submissions, error);
    }
  }

  /** Carries out both halves of a batch that failed because of one of its jobs. */
  private async isolate(submissions: readonly Submission[], error: unknown): Promise<void> {
    if (submissions.length === 1) {
      // A printer that cannot be served reconnects every half second.
      const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.jobFailures.run(failure, () => this.logger.error(`A job failed: ${failure}`));
      fail(submissions, error);
      return;
    }
    const middle = Math.ceil(submissions.length / 2);
    for (const half of [submissions.slice(0, middle), submissions.slice(middle)]) {
      try {
        await this.carryOut([], () => half);
      } catch (again) {
        if (isDatabaseDown(again)) fail(half, again);
        else await this.isolate(half, again);
      }
    }
  }
}

function fail(submissions: readonly Submission[], error: unknown): void {
  for (const { failed } of submissions) failed(error);
}
