import type { ServerResponse } from 'node:http';
import type { MessageEvent } from '@nestjs/common';
import type { Subscriber } from 'rxjs';
import type { FleetChange } from './fleet-changes.js';

/** An event, ready to be sent. */
export interface FleetEvent {
  type: 'hello' | 'summary' | 'rollouts' | 'printers' | 'firmware' | 'ping';
  /** JSON. */
  data: string;
}

/** The current data that streams send. */
export interface EventSource {
  hello(): string;
  /** JSON; null until the first summary is ready. */
  summary(): string | null;
  /** JSON; null if the rollout is deleted. */
  rollout(id: number): Promise<string | null>;
  /** Queues a stream for sending. */
  queue(stream: EventStream): void;
}

// Maximum characters sent before checking for back-pressure and yielding to the event loop.
export const MAX_CHARS_PER_TURN = 16 * 1024;
const CLOSE_TIMEOUT_MS = 100;
// Maximum number of unsent rollouts; beyond it the stream ends, and its client reconnects and starts from the current state.
const MAX_UNSENT_ROLLOUTS = 1_000;

/**
 * The stream of one client. It remembers which things have changed, not how: so a slow client costs little memory, and receives the current
 * state once it reads again.
 */
export class EventStream {
  readonly openedAt = performance.now();
  private helloDue = true;
  private summaryDue = true;
  private readonly rolloutsDue = new Set<number>();
  /** The first `rollouts` event is sent even if it is empty, so that the client knows there are none. */
  private rolloutsSent = false;
  private printersDue: FleetChange['printers'] = [];
  private firmwareDue = false;
  private pingDue = false;
  private started = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly subscriber: Subscriber<MessageEvent>,
    private readonly source: EventSource,
  ) {
    // Nest's pipe receives `drain` first, and writes what it has buffered.
    response.on('drain', () => source.queue(this));
  }

  /**
   * Lets the stream send; until then it only notes changes.
   *
   * @param rollouts ids of the rollouts to send first
   */
  start(rollouts: readonly number[]): void {
    for (const id of rollouts) this.rolloutsDue.add(id);
    this.started = true;
  }

  /** Adds changes to send; false if too many are unsent. */
  note({ printers, firmware, rollouts }: FleetChange): boolean {
    for (const id of rollouts) this.rolloutsDue.add(id);
    if (printers === 'all' || printers.length > 0)
      this.printersDue = this.printersDue.length === 0 ? printers : 'all';
    if (firmware) this.firmwareDue = true;
    return this.rolloutsDue.size <= MAX_UNSENT_ROLLOUTS;
  }

  noteSummary(): void {
    this.summaryDue = true;
  }

  notePing(): void {
    this.pingDue = true;
  }

  /**
   * Sends what is due until the socket is full.
   *
   * @returns the number of characters sent
   */
  async send(): Promise<number> {
    if (!this.started || this.subscriber.closed || !this.hasRoom) return 0;
    try {
      return await this.sendSome();
    } catch (error) {
      // The database cannot be read: Nest logs that and ends the stream, and the client reconnects.
      this.subscriber.error(error);
      return 0;
    }
  }

  private async sendSome(): Promise<number> {
    let sent = 0;
    while (sent < MAX_CHARS_PER_TURN) {
      const event = await this.next();
      if (event === null) return sent;
      this.subscriber.next({ type: event.type, data: event.data });
      sent += event.data.length;
    }
    // By the next turn, this data has been passed to the socket.
    this.source.queue(this);
    return sent;
  }

  /** Ends the stream; a client that does not read the rest in time is disconnected. */
  end(): void {
    this.subscriber.complete();
    setTimeout(() => {
      if (!this.response.writableFinished) this.response.destroy();
    }, CLOSE_TIMEOUT_MS).unref();
  }

  private get hasRoom(): boolean {
    return !this.response.writableNeedDrain;
  }

  private async next(): Promise<FleetEvent | null> {
    if (this.helloDue) {
      this.helloDue = false;
      return { type: 'hello', data: this.source.hello() };
    }
    const summary = this.summaryDue ? this.source.summary() : null;
    if (summary !== null) {
      this.summaryDue = false;
      return { type: 'summary', data: summary };
    }
    if (this.rolloutsDue.size > 0 || !this.rolloutsSent)
      return { type: 'rollouts', data: await this.takeRollouts() };
    if (this.printersDue.length > 0) return { type: 'printers', data: this.takePrinters() };
    if (this.firmwareDue) {
      this.firmwareDue = false;
      return { type: 'firmware', data: '{}' };
    }
    if (!this.pingDue) return null;
    this.pingDue = false;
    return { type: 'ping', data: '{}' };
  }

  private takePrinters(): string {
    const due = this.printersDue;
    this.printersDue = [];
    return JSON.stringify(due === 'all' ? { all: true } : { ids: due });
  }

  /** At most `MAX_CHARS_PER_TURN`, because a rollout may name thousands of printers. */
  private async takeRollouts(): Promise<string> {
    this.rolloutsSent = true;
    const rollouts: string[] = [];
    const removed: number[] = [];
    let length = 0;
    for (const id of this.rolloutsDue) {
      if (length >= MAX_CHARS_PER_TURN) break;
      this.rolloutsDue.delete(id);
      const text = await this.source.rollout(id);
      if (text === null) removed.push(id);
      else rollouts.push(text);
      length += text?.length ?? 0;
    }
    return `{"rollouts":[${rollouts.join(',')}],"removed":${JSON.stringify(removed)}}`;
  }
}
