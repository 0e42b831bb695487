import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { RolloutEvents } from '../rollout/store/rollout.events.js';
import type { PrintersMayHaveUpdates } from '../rollout/store/rollout.events.js';
import { RolloutService } from '../rollout/rollout.service.js';
import type { ConnectedPrinters } from '../rollout/rollout.service.js';
import { Connections } from './connections.js';
import type { Connection } from './connection.js';

// So many printers are asked about in one piece of work: some milliseconds, then sockets and operators get their turn.
const SLICE = 40;
// So many pieces wait at once, more than one group takes: while it is committed, the next is at hand.
const IN_FLIGHT = 12;
// A database that is locked or full may be well again soon; printers stay connected for months.
const RETRY_MS = 5_000;

/** Sends connected printers what a change of the rollouts has for them, without waiting for a reconnect. */
@Injectable()
export class RolloutPush implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(RolloutPush.name);
  private readonly waiting = new Set<string>();
  private subscription: Subscription | undefined;
  /** Those that could not be asked about, and the timer that asks again. */
  private readonly failed = new Set<string>();
  private retry: NodeJS.Timeout | undefined;
  private stopped = false;
  private running = false;

  constructor(
    private readonly events: RolloutEvents,
    private readonly rollouts: RolloutService,
    private readonly connections: Connections,
  ) {}

  onModuleInit(): void {
    this.subscription = this.events.printersMayHaveUpdates.subscribe((printers) => this.add(printers));
  }

  beforeApplicationShutdown(): void {
    this.subscription?.unsubscribe();
    this.waiting.clear();
    this.stopped = true;
    clearTimeout(this.retry);
  }

  private add(printers: PrintersMayHaveUpdates): void {
    for (const uuid of printers === 'all' ? this.connections.printers() : printers) this.waiting.add(uuid);
    if (this.running) return;
    this.running = true;
    void this.drain();
  }

  private async drain(): Promise<void> {
    const inFlight = new Set<Promise<void>>();
    while (this.waiting.size > 0) {
      const slice = this.takeSlice();
      const push = this.push(slice)
        .catch((error: unknown) => {
          this.logger.error(`Updates could not be pushed to ${slice.length} printers: ${String(error)}`);
          this.tryAgainLater(slice);
        })
        .finally(() => inFlight.delete(push));
      inFlight.add(push);
      if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
    }
    await Promise.all(inFlight);
    this.running = false;
    // What came in while the last pieces were on their way.
    if (this.waiting.size > 0) this.add([]);
  }

  private tryAgainLater(printers: readonly string[]): void {
    if (this.stopped) return;
    for (const uuid of printers) this.failed.add(uuid);
    this.retry ??= setTimeout(() => {
      this.retry = undefined;
      const again = [...this.failed];
      this.failed.clear();
      this.add(again);
    }, RETRY_MS);
  }

  private takeSlice(): string[] {
    const slice: string[] = [];
    for (const uuid of this.waiting) {
      if (slice.length === SLICE) break;
      slice.push(uuid);
      this.waiting.delete(uuid);
    }
    return slice;
  }

  /** Asks behind every message that came before, and sends behind their answers: work of printers is done in order. */
  private async push(printers: readonly string[]): Promise<void> {
    if (!printers.some((uuid) => this.connections.of(uuid) !== undefined)) return;
    const speakers = new Map<string, Connection>();
    for (const offer of await this.rollouts.offersFor(() => this.recorded(printers, speakers))) {
      const connection = speakers.get(offer.printerUuid);
      // A printer that has come back on a newer socket meanwhile is sent its update by that subscribe.
      if (connection && this.connections.of(offer.printerUuid) === connection)
        connection.send(connection.updateMessage(offer));
    }
  }

  /**
   * Those that are connected and on record as they are: one that is just subscribing says what it runs first, and is decided for by
   * that subscribe.
   *
   * @param speakers takes the connection of each
   */
  private recorded(printers: readonly string[], speakers: Map<string, Connection>): ConnectedPrinters {
    const ids: number[] = [];
    const uuids: string[] = [];
    for (const uuid of printers) {
      const connection = this.connections.of(uuid);
      if (connection === undefined || connection.isSubscribing) continue;
      speakers.set(uuid, connection);
      if (connection.printerId === null) uuids.push(uuid);
      else ids.push(connection.printerId);
    }
    return { ids, uuids };
  }
}
