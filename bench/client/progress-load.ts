import type { LoadResult } from '../ipc.js';
import { latencyOf, monotonicMs } from '../stats.js';
import type { Board } from './board.js';
import { ClientCpu } from './client-cpu.js';
import { Countdown } from './countdown.js';
import type { LoadFleet } from './fleet.js';
import { textFrame } from './frames.js';

const FRAMES = Array.from({ length: 101 }, (_, percent) =>
  textFrame(JSON.stringify({ kind: 'firmware_progress', percent, status: `Downloading ${percent}%` })),
);
// No report is answered, but an invalid message is, and a socket's messages are handled in order: the answer to this one shows that every
// report before it was handled.
const MARKER = textFrame(JSON.stringify({ kind: 'benchmark_marker' }));
const DRAIN_TIMEOUT_MS = 60_000;

interface Reporter {
  board: Board;
  /** Reports since the last marker. */
  unmarked: number;
  /** When the marker was sent that is not answered yet; null if there is none. */
  markedAt: number | null;
}

/** Sends progress reports from every board as fast as they are handled, never more than `window` of one board ahead. */
export class ProgressLoad {
  private readonly reporters = new Map<Board, Reporter>();
  private ready: Reporter[] = [];
  private scheduled = false;
  private ending = false;
  private sent = 0;
  private readonly took: number[] = [];
  private unanswered = 0;
  private drained: Countdown | null = null;

  constructor(
    private readonly fleet: LoadFleet,
    private readonly window: number,
  ) {
    for (const board of fleet.boards) {
      const reporter = { board, unmarked: 0, markedAt: null };
      this.reporters.set(board, reporter);
      this.ready.push(reporter);
    }
  }

  /** Runs for so long, and then until everything that was sent has been handled. */
  async run(seconds: number): Promise<LoadResult> {
    const cpu = new ClientCpu();
    this.fleet.onValidationError = (board) => this.answered(board);
    this.schedule();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    this.ending = true;
    for (const reporter of this.reporters.values()) {
      if (reporter.unmarked > 0 && reporter.markedAt === null) this.mark(reporter);
    }
    this.drained = new Countdown(this.unanswered);
    await this.drained.wait(DRAIN_TIMEOUT_MS);
    this.fleet.onValidationError = () => undefined;
    const failed = this.drained.left;
    return { done: this.sent, failed, latency: latencyOf(this.took), ...cpu.stop() };
  }

  private schedule(): void {
    if (this.scheduled || this.ending) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.round();
    });
  }

  /** One report of every board that may send: as from a fleet, not many of one printer at a time. */
  private round(): void {
    if (this.ending) return;
    const turn = this.ready;
    this.ready = [];
    for (const reporter of turn) {
      reporter.board.write(FRAMES[this.sent % FRAMES.length] ?? MARKER);
      this.sent += 1;
      reporter.unmarked += 1;
      if (reporter.unmarked >= this.window) this.mark(reporter);
      else this.ready.push(reporter);
    }
    if (this.ready.length > 0) this.schedule();
  }

  private mark(reporter: Reporter): void {
    reporter.board.write(MARKER);
    reporter.markedAt = monotonicMs();
    reporter.unmarked = 0;
    this.unanswered += 1;
  }

  private answered(board: Board): void {
    const reporter = this.reporters.get(board);
    if (reporter?.markedAt == null) return;
    this.took.push(monotonicMs() - reporter.markedAt);
    reporter.markedAt = null;
    this.unanswered -= 1;
    this.drained?.one();
    this.ready.push(reporter);
    this.schedule();
  }
}
