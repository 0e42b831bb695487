import type { ServerResponse } from 'node:http';
import type { MessageEvent } from '@nestjs/common';
import type { Subscriber } from 'rxjs';
import type { FleetChange } from './fleet-changes.js';

/** What an event says, ready to be sent. */
export interface FleetEvent {
  type: 'hello' | 'summary' | 'rollouts' | 'printers' | 'firmware' | 'ping';
  /** JSON. */
  data: string;
}

/** Where a stream finds what it has to say. */
export interface EventSource {
  hello(): string;
  /** Null as long as nothing has been counted. */
  summary(): string | null;
  /** Null for a rollout that is deleted. */
  rollout(id: number): string | null;
  /** Lets a stream send when its turn comes. */
  queue(stream: EventStream): void;
}

// So much is handed over before it is looked whether that has been read, and before the event loop is given back.
export const MAX_BYTES_PER_TURN = 16 * 1024;
const LAST_WORDS_MS = 100;
// Who has not heard of so many rollouts comes back, and is told of all as they are.
const MAX_MISSED = 1_000;

/**
 * One reader. Kept for it is not what happened but what it has not been told: that is little however long it does not read, and is
 * said as it is when there is room again.
 */
export class EventStream {
  readonly openedAt = performance.now();
  private helloDue = true;
  private summaryDue = true;
  private readonly rolloutsDue: Set<number>;
  /** The first is said though there are none: else nobody knew. */
  private rolloutsTold = false;
  private printersDue: FleetChange['printers'] = [];
  private firmwareDue = false;
  private pingDue = false;

  /** @param rollouts those to begin with */
  constructor(
    private readonly response: ServerResponse,
    private readonly subscriber: Subscriber<MessageEvent>,
    private readonly source: EventSource,
    rollouts: readonly number[],
  ) {
    this.rolloutsDue = new Set(rollouts);
    // Nest's pipe hears of it first, and goes on with what it holds.
    response.on('drain', () => source.queue(this));
  }

  /** Notes what it has to be told; false where that has become too much. */
  note({ printers, firmware, rollouts }: FleetChange): boolean {
    for (const id of rollouts) this.rolloutsDue.add(id);
    if (printers === 'all' || printers.length > 0)
      this.printersDue = this.printersDue.length === 0 ? printers : 'all';
    if (firmware) this.firmwareDue = true;
    return this.rolloutsDue.size <= MAX_MISSED;
  }

  noteSummary(): void {
    this.summaryDue = true;
  }

  notePing(): void {
    this.pingDue = true;
  }

  /**
   * Sends what is due, as far as there is room.
   *
   * @returns how many characters that was
   */
  send(): number {
    if (this.subscriber.closed || !this.hasRoom) return 0;
    try {
      return this.sendSome();
    } catch (error) {
      // The database cannot be read: Nest logs it, and ends the stream; its reader comes back.
      this.subscriber.error(error);
      return 0;
    }
  }

  private sendSome(): number {
    let sent = 0;
    while (sent < MAX_BYTES_PER_TURN) {
      const event = this.next();
      if (event === null) return sent;
      this.subscriber.next({ type: event.type, data: event.data });
      sent += event.data.length;
    }
    // What was handed over is with the socket by then.
    this.source.queue(this);
    return sent;
  }

  /** Ends it at once; one that does not read what it was sent is cut off. */
  end(): void {
    this.subscriber.complete();
    setTimeout(() => {
      if (!this.response.writableFinished) this.response.destroy();
    }, LAST_WORDS_MS).unref();
  }

  private get hasRoom(): boolean {
    return !this.response.writableNeedDrain;
  }

  private next(): FleetEvent | null {
    if (this.helloDue) {
      this.helloDue = false;
      return { type: 'hello', data: this.source.hello() };
    }
    const summary = this.summaryDue ? this.source.summary() : null;
    if (summary !== null) {
      this.summaryDue = false;
      return { type: 'summary', data: summary };
    }
    if (this.rolloutsDue.size > 0 || !this.rolloutsTold)
      return { type: 'rollouts', data: this.takeRollouts() };
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

  /** Not more than fits: a rollout may name thousands of printers. */
  private takeRollouts(): string {
    this.rolloutsTold = true;
    const rollouts: string[] = [];
    const removed: number[] = [];
    let length = 0;
    for (const id of this.rolloutsDue) {
      if (length >= MAX_BYTES_PER_TURN) break;
      this.rolloutsDue.delete(id);
      const text = this.source.rollout(id);
      if (text === null) removed.push(id);
      else rollouts.push(text);
      length += text?.length ?? 0;
    }
    return `{"rollouts":[${rollouts.join(',')}],"removed":${JSON.stringify(removed)}}`;
  }
}
