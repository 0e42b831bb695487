import type { ServerResponse } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import type { MessageEvent } from '@nestjs/common';
import { Observable } from 'rxjs';
import { Clock } from '../common/clock.js';
import { Unavailable } from '../common/errors.js';
import { AppConfig } from '../config/config.js';
import { Changes } from '../database/changes.js';
import { DATA_VERSION, Database } from '../database/database.js';
import { UnitOfWork } from '../database/unit-of-work.js';
import { VERSION } from '../version.js';
import { EventStream } from './event-stream.js';
import type { EventSource } from './event-stream.js';
import { FleetSummary } from './fleet-summary.js';
import { RolloutDiff } from './rollout-diff.js';
import { differ, toSummaryResponse } from './summary.dto.js';
import type { SummaryResponse } from './summary.dto.js';

/** How often the streams are looked after; a test may make it faster. */
@Injectable()
export class EventTimes {
  /** Changes are gathered for so long. */
  turnMs = 1_000;
  /** What nobody else has said for so long is a ping: proxies close a connection that is silent. */
  pingMs = 20_000;
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
  private readonly startedAt: Date;
  private turn: NodeJS.Timeout | undefined;
  private pings: NodeJS.Timeout | undefined;
  private lastTurn = -Infinity;
  /** True where printers have changed that nobody noted. */
  private missed = false;
  private latest: SummaryResponse | null = null;
  private summarising = false;
  private stopped = false;

  constructor(
    private readonly changes: Changes,
    private readonly fleet: FleetSummary,
    private readonly rollouts: RolloutDiff,
    private readonly times: EventTimes,
    private readonly config: AppConfig,
    private readonly database: Database,
    private readonly unitOfWork: UnitOfWork,
    clock: Clock,
  ) {
    this.startedAt = clock.now();
    unitOfWork.afterGroup(() => this.committed());
  }

  /**
   * A stream of everything that changes, from now on. Fails with Unavailable where there are as many as there may be, or the server is
   * stopping.
   */
  open(response: ServerResponse): Observable<MessageEvent> {
    return new Observable((subscriber) => {
      if (this.stopped || this.streams.size >= MAX_STREAMS) {
        const why = this.stopped ? 'is stopping' : `has ${MAX_STREAMS} event streams, as many as it may have`;
        subscriber.error(new Unavailable(`The server ${why}`));
        return;
      }
      // Nest has switched it off. One that reads nothing holds a place that others may need.
      response.req.socket.setTimeout(Math.max(this.config.stalledMs, 3 * this.times.pingMs));
      if (this.streams.size === 0) this.begin();
      const stream = new EventStream(response, subscriber, this, this.rollouts.newest(ROLLOUTS));
      this.streams.add(stream);
      stream.send();
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
    return this.rollouts.textOf(id);
  }

  private begin(): void {
    this.rollouts.begin();
    this.changes.watch(() => this.wake());
    void this.lookBack();
    this.pings = setInterval(() => this.ping(), this.times.pingMs);
  }

  /** A transaction that was open already notes nothing: once it has ended, whatever comes is noted. */
  private async lookBack(): Promise<void> {
    const { reader } = this.database;
    const before = reader.count(DATA_VERSION);
    try {
      await this.unitOfWork.run(() => Promise.resolve());
    } catch {
      // Then nothing else was committed either.
      return;
    }
    if (reader.count(DATA_VERSION) === before) return;
    this.missed = true;
    this.committed();
  }

  private close(stream: EventStream): void {
    this.streams.delete(stream);
    if (this.streams.size > 0) return;
    this.changes.unwatch();
    clearInterval(this.pings);
    clearTimeout(this.turn);
    this.turn = undefined;
    this.latest = null;
  }

  private committed(): void {
    if (this.streams.size > 0) this.wake();
  }

  private wake(): void {
    if (this.turn !== undefined) return;
    const wait = Math.max(SOON_MS, this.lastTurn + this.times.turnMs - performance.now());
    this.turn = setTimeout(() => this.takeTurn(), wait);
  }

  private takeTurn(): void {
    this.turn = undefined;
    this.lastTurn = performance.now();
    const noted = this.changes.take();
    if (this.missed) noted.printers = 'all';
    this.missed = false;
    const rollouts = this.rollouts.changed();
    for (const stream of [...this.streams]) {
      if (stream.note(noted, rollouts)) stream.send();
      else stream.end();
    }
    this.summarise();
  }

  private ping(): void {
    for (const stream of this.streams) {
      stream.notePing();
      stream.send();
    }
    // What ended a day ago counts no more, though nothing has happened.
    this.wake();
  }

  private summarise(): void {
    if (this.summarising) return;
    this.summarising = true;
    this.renew()
      .catch((error: unknown) => {
        if (!(error instanceof Unavailable))
          this.logger.error(`The fleet could not be summed up: ${String(error)}`);
      })
      .finally(() => (this.summarising = false));
  }

  private async renew(): Promise<void> {
    const summary = toSummaryResponse(await this.fleet.current(), this.config.simulator);
    if (this.streams.size === 0) return;
    // The versions will be counted anew when that may be.
    if (!this.fleet.isCurrent) this.wake();
    if (!differ(this.latest, summary)) return;
    this.latest = summary;
    for (const stream of [...this.streams]) {
      stream.noteSummary();
      stream.send();
    }
  }
}
