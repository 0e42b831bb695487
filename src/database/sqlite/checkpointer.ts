import { Logger } from '@nestjs/common';
import type { Database, Statement } from 'better-sqlite3';
import { WorkerConnection } from './worker-connection.js';

/** Pages that are written to the log between two passes; SQLite's own default. */
export const PAGES_PER_PASS = 1_000;

/** Pages in the log from which writers pause for a pass, so that the log starts from its beginning again. */
export const PAGES_BEFORE_PAUSE = 2_000;

/** Pages in the log from which new readers must wait for that, too (256 MiB). */
export const PAGES_BEFORE_READERS_WAIT = 65_536;

// Pages that a pause should have to move at most: passes beside the writer come first.
const PAGES_PER_PAUSE = 250;

// Pages in the log from which writers pause however much there is to move: the disk is slower than they are.
const PAGES_BEFORE_LONG_PAUSE = 4 * PAGES_BEFORE_PAUSE;

/**
 * Moves the write-ahead log into the database file (checkpoints) in a thread of its own. SQLite's automatic checkpoints would stop the
 * event loop: they copy a thousand pages and wait for the disk twice. The writer's connection needs `wal_autocheckpoint = 0`.
 *
 * SQLite starts the log from its beginning again when a writer finds all of it moved and no reader in it. Under continuous writes, a pass
 * beside the writer never moves all of it. So once the log is long, writers pause for a pass that moves the rest. Only that one waits for
 * the disk to write all pages moved since the last time, so a longer log makes for longer pauses.
 *
 *     while (checkpointer.needsPause) await checkpointer.run(); // Between two transactions.
 *
 * A long read keeps the log from starting again until it ends.
 */
export class Checkpointer {
  private readonly logger = new Logger('Database');
  private readonly readLog: Statement<[], [busy: number, pages: number, moved: number]>;
  private connection: WorkerConnection | undefined;
  private pass: Promise<void> | undefined;
  private pages = 0;
  private moved = 0;
  // Pages in the log when the last pass began.
  private passedAt = 0;
  // Pages in the log from which a pause may help.
  private pauseAt = PAGES_BEFORE_PAUSE;
  private failed = false;
  private closed = false;

  /**
   * @param path of the database file
   * @param writer the connection that writes, already in WAL mode; asked for the length of the log
   */
  constructor(
    private readonly path: string,
    writer: Database,
  ) {
    // NOOP moves nothing, takes no lock, and costs some microseconds.
    this.readLog = writer.prepare<[], [number, number, number]>('PRAGMA wal_checkpoint(NOOP)').raw();
  }

  /** Must be called after every commit, outside a transaction. Starts a pass if there is enough to move. Never throws. */
  committed(): void {
    try {
      const [, pages, moved] = this.readLog.get() ?? [0, 0, 0];
      if (pages < this.pages) {
        // The log has started from its beginning again.
        this.passedAt = 0;
        this.pauseAt = PAGES_BEFORE_PAUSE;
      }
      this.pages = pages;
      this.moved = moved;
    } catch (error) {
      this.report(error);
      return;
    }
    const enough = this.pages < this.pauseAt ? PAGES_PER_PASS : PAGES_PER_PAUSE;
    if (this.pages - this.passedAt >= enough) void this.start(false);
  }

  /** True if the next transaction must wait for `run`. */
  get needsPause(): boolean {
    if (this.closed || this.pages < this.pauseAt) return false;
    if (this.pages >= PAGES_BEFORE_LONG_PAUSE) return true;
    return this.pass === undefined && this.pages - this.moved < PAGES_PER_PAUSE;
  }

  /** True if, in a pause, no long read may be open either: one after the other would let the log grow without limit. */
  get needsReadersToWait(): boolean {
    return this.needsPause && this.pages >= PAGES_BEFORE_READERS_WAIT;
  }

  /** Pages in the log after the last commit. */
  get logPages(): number {
    return this.pages;
  }

  /**
   * Carries out a pass while writers wait, or waits for the pass that is running. Never rejects: a failed pass is logged, and the log grows
   * meanwhile.
   */
  run(): Promise<void> {
    return this.start(true);
  }

  /** Waits for a pass that is running, and closes the connection. */
  async close(): Promise<void> {
    this.closed = true;
    await this.pass;
    await this.connection?.close();
  }

  private start(writersPause: boolean): Promise<void> {
    if (this.closed) return Promise.resolve();
    this.pass ??= this.carryOut(writersPause).finally(() => (this.pass = undefined));
    return this.pass;
  }

  private async carryOut(writersPause: boolean): Promise<void> {
    this.passedAt = this.pages;
    try {
      const [result = []] = await this.open().values('PRAGMA wal_checkpoint(PASSIVE)');
      // The writer may have written more, or started the log again, since the pass began.
      this.moved = Math.min(Number(result[2] ?? 0), this.pages);
      if (this.failed) this.logger.log('The write-ahead log is moved into the database again');
      this.failed = false;
    } catch (error) {
      this.report(error);
    }
    // Whatever was in the way (a reader, a full disk), pausing again at once would not help.
    if (writersPause) this.pauseAt = this.pages + PAGES_PER_PAUSE;
  }

  private open(): WorkerConnection {
    if (this.connection?.isOpen === true) return this.connection;
    // FULL: a page must not be overwritten in the log before it is on disk in the database.
    this.connection = new WorkerConnection({ path: this.path, pragmas: { synchronous: 'FULL' } });
    return this.connection;
  }

  private report(error: unknown): void {
    // The first failure only: each pass would repeat it.
    if (!this.failed)
      this.logger.error(`The write-ahead log could not be moved into the database: ${String(error)}`);
    this.failed = true;
  }
}
