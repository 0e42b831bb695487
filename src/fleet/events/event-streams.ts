import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { MessageEvent } from '@nestjs/common';
import { Observable } from 'rxjs';
import { Clock } from '../../common/clock.js';
import { UnavailableError } from '../../common/errors.js';
import { Mutex } from '../../common/limits/mutex.js';
import { AppConfig } from '../../config/config.js';
import { VERSION } from '../../version.js';
import { MAX_CHARS_PER_TURN, EventStream } from './event-stream.js';
import type { EventSource } from './event-stream.js';
import { FleetSummary } from '../fleet-summary.js';
import type { FleetChange } from './fleet-changes.js';
import { FleetWatch } from './fleet-changes.js';
import { differ, toSummaryResponse } from '../summary.dto.js';
import type { SummaryResponse } from '../summary.dto.js';

/** Intervals of the event streams; tests shorten them. */
@Injectable()
export class EventTimes {
  /** Milliseconds in which changes are collected. */
  turnMs = 1_000;
  /** Milliseconds between pings: proxies close a silent connection. */
  pingMs = 20_000;
  /** Maximum age of a stream in milliseconds. Its client then reconnects, so a revoked key is not served for ever. */
  maxAgeMs = 60 * 60_000;
}

// A client that opens streams in a loop must not use up the sockets that printers need.
const MAX_STREAMS = 200;
// Number of rollouts that a new stream is sent first: the newest.
const FIRST_ROLLOUTS = 100;
// Milliseconds until the first change after a quiet period is sent, together with the changes that it causes.
const MIN_DELAY_MS = 50;

/** The open event streams: sends changes of the fleet about once a second. */
@Injectable()
export class EventStreams implements EventSource {
  private readonly logger = new Logger('Events');
  private readonly streams = new Set<EventStream>();
  /** Streams that have something to send. */
  private readonly queued = new Set<EventStream>();
  private sending: Promise<void> | null = null;
  /** Settles when changes are being recorded; null while there is no stream. */
  private watching: Promise<void> | null = null;
  private readonly turns = new Mutex();
  private readonly startedAt: Date;
  private turn: NodeJS.Timeout | undefined;
  private pings: NodeJS.Timeout | undefined;
  private lastTurn = -Infinity;
  private latest: SummaryResponse | null = null;
  private summarising = false;
  private stopped = false;

  constructor(
    private readonly watch: FleetWatch,
    private readonly fleet: FleetSummary,
    private readonly times: EventTimes,
    private readonly config: AppConfig,
    clock: Clock,
  ) {
    this.startedAt = clock.now();
  }

  /** Opens a stream of all changes from now on. It fails with UnavailableError if too many streams are open, or the server is stopping. */
  open(response: ServerResponse): Observable<MessageEvent> {
    return new Observable((subscriber) => {
      if (this.stopped || this.streams.size >= MAX_STREAMS) {
        const why = this.stopped
          ? 'The server is stopping'
          : `Too many event streams are open (${MAX_STREAMS}); try again later`;
        subscriber.error(new UnavailableError(why));
        return;
      }
      // Nest has disabled the socket's timeout. A client that reads nothing must not hold its slot.
      response.req.socket.setTimeout(Math.max(this.config.stalledMs, 3 * this.times.pingMs));
      // A browser that leaves closes only its side; without this, its slot would stay taken until the next ping.
      response.req.socket.once('end', () => response.destroy());
      const stream = new EventStream(response, subscriber, this);
      this.streams.add(stream);
      this.start(stream).catch((error: unknown) => subscriber.error(error));
      return () => this.close(stream);
    });
  }

  /** Ends all streams, and opens no more. */
  stop(): void {
    this.stopped = true;
    this.fleet.stop();
    for (const stream of [...this.streams]) stream.end();
  }

  hello(): string {
    return JSON.stringify({
      version: VERSION,
      started_at: this.startedAt.toISOString(),
      simulator: this.config.simulator,
    });
  }

  summary(): string | null {
    return this.latest === null ? null : JSON.stringify(this.latest);
  }

  rollout(id: number): Promise<string | null> {
    return this.watch.rollout(id);
  }

  /** Sends over several turns of the event loop: an event about a rollout may be large, and goes to every stream. */
  queue(stream: EventStream): void {
    this.queued.add(stream);
    this.sending ??= this.sendQueued().finally(() => (this.sending = null));
  }

  private async sendQueued(): Promise<void> {
    while (this.queued.size > 0) {
      await nextTurn();
      await this.sendSome();
    }
  }

  private async sendSome(): Promise<void> {
    let sent = 0;
    for (const stream of [...this.queued]) {
      if (sent >= MAX_CHARS_PER_TURN) break;
      this.queued.delete(stream);
      sent += await stream.send();
    }
  }

  private async start(stream: EventStream): Promise<void> {
    this.watching ??= this.watch.begin(() => this.wake());
    await this.watching;
    stream.start(await this.watch.newestRollouts(FIRST_ROLLOUTS));
    if (!this.streams.has(stream)) return;
    this.pings ??= setInterval(() => this.ping(), this.times.pingMs);
    this.queue(stream);
    if (this.latest === null) this.summarise();
  }

  private close(stream: EventStream): void {
    this.streams.delete(stream);
    this.queued.delete(stream);
    if (this.streams.size > 0) return;
    this.watch.end();
    this.watching = null;
    clearInterval(this.pings);
    this.pings = undefined;
    clearTimeout(this.turn);
    this.turn = undefined;
    this.latest = null;
  }

  private wake(): void {
    if (this.turn !== undefined) return;
    const wait = Math.max(MIN_DELAY_MS, this.lastTurn + this.times.turnMs - performance.now());
    this.turn = setTimeout(() => {
      this.turn = undefined;
      void this.turns.runExclusive(() => this.takeTurn());
    }, wait);
  }

  private async takeTurn(): Promise<void> {
    this.lastTurn = performance.now();
    const change = await this.take();
    for (const stream of [...this.streams]) {
      if (change !== null && stream.note(change)) this.queue(stream);
      else stream.end();
    }
    this.summarise();
  }

  /** Null if the database cannot be read: the changes are then lost, so all streams end, and their clients start again. */
  private async take(): Promise<FleetChange | null> {
    try {
      return await this.watch.take();
    } catch (error) {
      this.logger.error(`The database cannot be read, so the event streams were closed: ${String(error)}`);
      return null;
    }
  }

  private ping(): void {
    const oldest = performance.now() - this.times.maxAgeMs;
    for (const stream of [...this.streams]) {
      if (stream.openedAt < oldest) {
        stream.end();
        continue;
      }
      stream.notePing();
      this.queue(stream);
    }
    // The summary of the last day changes with time, even if nothing happens.
    if (this.streams.size > 0) this.wake();
  }

  private summarise(): void {
    if (this.summarising) return;
    this.summarising = true;
    this.renew()
      .catch((error: unknown) => {
        if (!(error instanceof UnavailableError))
          this.logger.error(`The fleet could not be summarized: ${String(error)}`);
      })
      .finally(() => (this.summarising = false));
  }

  private async renew(): Promise<void> {
    const summary = toSummaryResponse(await this.fleet.current(), this.config.simulator);
    if (this.streams.size === 0) return;
    // The versions will be counted again when their last count expires.
    if (!this.fleet.isCurrent) this.wake();
    if (!differ(this.latest, summary)) return;
    this.latest = summary;
    for (const stream of [...this.streams]) {
      stream.noteSummary();
      this.queue(stream);
    }
  }
}
