import type { ServerResponse } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import type { MessageEvent } from '@nestjs/common';
import { Observable } from 'rxjs';
import { Clock } from '../../common/clock.js';
import { UnavailableError } from '../../common/errors.js';
import { AppConfig } from '../../config/config.js';
import { VERSION } from '../../version.js';
import { MAX_BYTES_PER_TURN, EventStream } from './event-stream.js';
import type { EventSource } from './event-stream.js';
import { FleetSummary } from '../fleet-summary.js';
import type { FleetChange } from './fleet-changes.js';
import { FleetWatch } from './fleet-changes.js';
import { differ, toSummaryResponse } from '../summary.dto.js';
import type { SummaryResponse } from '../summary.dto.js';

/** How often the streams are looked after; a test may make it faster. */
@Injectable()
export class EventTimes {
  /** Changes are gathered for so long. */
  turnMs = 1_000;
  /** What nobody else has said for so long is a ping: proxies close a connection that is silent. */
  pingMs = 20_000;
  /** A stream that has been open for so long ends, and its reader comes back: a key that counts no more is not served for ever. */
  longestMs = 60 * 60_000;
}

// Whoever opens a stream in a loop must not take the sockets that printers need.
const MAX_STREAMS = 200;
// The newest rollouts that a stream begins with.
const ROLLOUTS = 100;
// After a quiet time, what comes first is told soon, together with what follows from it at once.
const SOON_MS = 50;

/** The open event streams: tells those who watch the fleet what has changed, about once a second. */
@Injectable()
export class EventStreams implements EventSource {
  private readonly logger = new Logger('Events');
  private readonly streams = new Set<EventStream>();
  /** Those that have something to send. */
  private readonly queued = new Set<EventStream>();
  private sending: NodeJS.Immediate | undefined;
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

  /**
   * A stream of everything that changes, from now on. Fails with Unavailable where there are as many as there may be, or the server is
   * stopping.
   */
  open(response: ServerResponse): Observable<MessageEvent> {
    return new Observable((subscriber) => {
      if (this.stopped || this.streams.size >= MAX_STREAMS) {
        const why = this.stopped ? 'is stopping' : `has ${MAX_STREAMS} event streams, as many as it may have`;
        subscriber.error(new UnavailableError(`The server ${why}`));
        return;
      }
      // Nest has switched it off. One that reads nothing holds a place that others may need.
      response.req.socket.setTimeout(Math.max(this.config.stalledMs, 3 * this.times.pingMs));
      // A browser that leaves ends only its side, and its place would be taken until the next ping.
      response.req.socket.once('end', () => response.destroy());
      // What may fail comes first: nothing is watched for a stream that does not come about.
      const rollouts = this.watch.newestRollouts(ROLLOUTS);
      if (this.streams.size === 0) this.begin();
      const stream = new EventStream(response, subscriber, this, rollouts);
      this.streams.add(stream);
      this.queue(stream);
      if (this.latest === null) this.summarise();
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

  rollout(id: number): string | null {
    return this.watch.rollout(id);
  }

  /** What is said of a rollout may name thousands of printers, and goes to every stream: not to all in one turn of the event loop. */
  queue(stream: EventStream): void {
    this.queued.add(stream);
    this.sending ??= setImmediate(() => this.sendSome());
  }

  private sendSome(): void {
    this.sending = undefined;
    let sent = 0;
    for (const stream of [...this.queued]) {
      if (sent >= MAX_BYTES_PER_TURN) break;
      this.queued.delete(stream);
      sent += stream.send();
    }
    if (this.queued.size > 0) this.sending ??= setImmediate(() => this.sendSome());
  }

  private begin(): void {
    this.watch.begin(() => this.wake());
    this.pings = setInterval(() => this.ping(), this.times.pingMs);
  }

  private close(stream: EventStream): void {
    this.streams.delete(stream);
    this.queued.delete(stream);
    if (this.streams.size > 0) return;
    this.watch.end();
    clearInterval(this.pings);
    clearTimeout(this.turn);
    this.turn = undefined;
    this.latest = null;
  }

  private wake(): void {
    if (this.turn !== undefined) return;
    const wait = Math.max(SOON_MS, this.lastTurn + this.times.turnMs - performance.now());
    this.turn = setTimeout(() => this.takeTurn(), wait);
  }

  private takeTurn(): void {
    this.turn = undefined;
    this.lastTurn = performance.now();
    const change = this.take();
    for (const stream of [...this.streams]) {
      if (change !== null && stream.note(change)) this.queue(stream);
      else stream.end();
    }
    this.summarise();
  }

  /** Null where the database cannot be read: nobody can be told what they have missed, but all can begin again. */
  private take(): FleetChange | null {
    try {
      return this.watch.take();
    } catch (error) {
      this.logger.error(`The streams are ended, for the database cannot be read: ${String(error)}`);
      return null;
    }
  }

  private ping(): void {
    const oldest = performance.now() - this.times.longestMs;
    for (const stream of [...this.streams]) {
      if (stream.openedAt < oldest) {
        stream.end();
        continue;
      }
      stream.notePing();
      this.queue(stream);
    }
    // What ended a day ago counts no more, though nothing has happened.
    if (this.streams.size > 0) this.wake();
  }

  private summarise(): void {
    if (this.summarising) return;
    this.summarising = true;
    this.renew()
      .catch((error: unknown) => {
        if (!(error instanceof UnavailableError))
          this.logger.error(`The fleet could not be summed up: ${String(error)}`);
      })
      .finally(() => (this.summarising = false));
  }

  private async renew(): Promise<void> {
    const summary = toSummaryResponse(await this.fleet.current(), this.config.simulator);
    if (this.streams.size === 0) return;
    // The versions will be counted again when that may be.
    if (!this.fleet.isCurrent) this.wake();
    if (!differ(this.latest, summary)) return;
    this.latest = summary;
    for (const stream of [...this.streams]) {
      stream.noteSummary();
      this.queue(stream);
    }
  }
}
