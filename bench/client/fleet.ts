import { printerAt } from '../identity.js';
import type { BackResult, ConnectOrder, LoadResult, UpdatesResult } from '../ipc.js';
import { latencyOf, monotonicMs } from '../stats.js';
import { Board } from './board.js';
import type { BoardListener } from './board.js';
import { ClientCpu } from './client-cpu.js';
import { Countdown } from './countdown.js';

const CONNECT_TIMEOUT_MS = 120_000;

/** Boards in one process: the load of the benchmark. */
export class LoadFleet implements BoardListener {
  readonly boards: Board[] = [];
  /** Called when an invalid message was answered: everything before it has been handled. */
  onValidationError: (board: Board) => void = () => undefined;
  private onReady: ((board: Board, ok: boolean) => void) | null = null;
  private awaitUpdate = false;
  private updates: UpdatesResult = { count: 0, firstAt: 0, lastAt: 0 };
  private updatesAwaited: Countdown | null = null;
  private holding: { retryMs: number; handshakeTimeoutMs: number } | null = null;
  private back: BackCount = newBackCount();

  /** Connects printers as fast as possible, a limited number at a time. */
  async connect(order: ConnectOrder): Promise<LoadResult> {
    this.awaitUpdate = order.awaitUpdate;
    const cpu = new ClientCpu();
    const took: number[] = [];
    let failed = 0;
    let started = 0;
    const ended = new Countdown(order.count);
    const launch = (): void => {
      if (started >= order.count) return;
      const index = order.first + started * order.stride;
      started += 1;
      const board = new Board(index, printerAt(index), order.port, this);
      this.boards.push(board);
      board.connect();
    };
    this.onReady = (board, ok) => {
      if (board.isCounted) return;
      board.isCounted = true;
      if (ok) took.push(monotonicMs() - board.startedAt);
      else failed += 1;
      ended.one();
      launch();
    };
    for (let index = 0; index < order.inFlight; index += 1) launch();
    await ended.wait(CONNECT_TIMEOUT_MS);
    this.onReady = null;
    return { done: took.length, failed: failed + ended.left, latency: latencyOf(took), ...cpu.stop() };
  }

  /** Closes every connection. */
  close(): void {
    this.holding = null;
    this.onReady = null;
    for (const board of this.boards.splice(0)) board.close();
  }

  /** The addresses that the boards were sent, each one once; a board that was sent none is left out. */
  downloadPaths(): string[] {
    return this.boards.flatMap((board) => board.downloadPath ?? []);
  }

  /** Starts counting update messages from zero. */
  arm(): void {
    this.updates = { count: 0, firstAt: 0, lastAt: 0 };
  }

  /** Waits until `count` update messages have arrived. */
  async untilUpdates(count: number, timeoutMs: number): Promise<UpdatesResult> {
    const awaited = new Countdown(count - this.updates.count);
    this.updatesAwaited = awaited;
    await awaited.wait(timeoutMs);
    this.updatesAwaited = null;
    return this.updates;
  }

  /** From now on boards whose connection ends come back, as real ones do. */
  hold(how: { retryMs: number; handshakeTimeoutMs: number }): void {
    this.holding = how;
    this.back = { ...newBackCount(), subscribed: this.boards.length };
  }

  /** Waits until the boards that have lost their connection are all subscribed again. */
  async untilBack(timeoutMs: number): Promise<BackResult> {
    const awaited = new Countdown(this.back.subscribed < this.boards.length ? 1 : 0);
    this.back.allBack = () => awaited.one();
    await awaited.wait(timeoutMs);
    const { subscribed, lastAt, handshakes, attempts, gaveUp } = this.back;
    return { subscribed, lastAt, handshake: latencyOf(handshakes), attempts, gaveUp };
  }

  handshakeDone(board: Board): void {
    if (this.holding) this.back.handshakes.push(monotonicMs() - board.startedAt);
  }

  accepted(board: Board): void {
    if (this.holding) {
      this.back.subscribed += 1;
      this.back.lastAt = monotonicMs();
      if (this.back.subscribed === this.boards.length) this.back.allBack();
    } else if (!this.awaitUpdate) this.onReady?.(board, true);
  }

  update(board: Board): void {
    this.updates.lastAt = monotonicMs();
    if (this.updates.count === 0) this.updates.firstAt = this.updates.lastAt;
    this.updates.count += 1;
    this.updatesAwaited?.one();
    if (this.awaitUpdate) this.onReady?.(board, true);
  }

  validationError(board: Board): void {
    this.onValidationError(board);
  }

  closed(board: Board, wasSubscribed: boolean): void {
    if (this.holding) {
      if (wasSubscribed) this.back.subscribed -= 1;
      setTimeout(() => this.reconnect(board), this.holding.retryMs);
    } else if (!wasSubscribed) this.onReady?.(board, false);
  }

  private reconnect(board: Board): void {
    const { holding, back } = this;
    if (!holding) return;
    back.attempts += 1;
    board.connect();
    const { startedAt } = board;
    setTimeout(() => {
      if (this.holding !== holding || board.startedAt !== startedAt || board.hasHandshake) return;
      back.gaveUp += 1;
      board.close();
    }, holding.handshakeTimeoutMs);
  }
}

interface BackCount {
  subscribed: number;
  lastAt: number;
  handshakes: number[];
  attempts: number;
  gaveUp: number;
  allBack: () => void;
}

function newBackCount(): BackCount {
  return { subscribed: 0, lastAt: 0, handshakes: [], attempts: 0, gaveUp: 0, allBack: () => undefined };
}
