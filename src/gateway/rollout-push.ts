import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { RolloutEvents } from '../rollout/store/rollout.events.js';
import type { PrintersMayHaveUpdates } from '../rollout/store/rollout.events.js';
import { RolloutService } from '../rollout/rollout.service.js';
import type { ConnectedPrinters } from '../rollout/rollout.service.js';
import { Connections } from './connections.js';
import type { Connection } from './connection.js';

// Printers evaluated in one job: a few milliseconds of work, then sockets and operators get their turn.
const SLICE = 40;
// Jobs submitted at a time: more than one group takes, so the next is ready while a group is being committed.
const IN_FLIGHT = 12;
// Milliseconds until a retry: a locked or full database may soon work again, and printers stay connected for months.
const RETRY_MS = 5_000;

/** Sends connected printers their updates when a rollout changes, without waiting for a reconnect. */
@Injectable()
export class RolloutPush implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(RolloutPush.name);
  private readonly waiting = new Set<string>();
  private subscription: Subscription | undefined;
  /** Printers whose evaluation failed, and the timer that retries them. */
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
    // Printers that were added while the last jobs were being committed.
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

  /** Evaluates printers after all their earlier messages, and sends after the answers to those: printers' jobs run in order. */
  private async push(printers: readonly string[]): Promise<void> {
    if (!printers.some((uuid) => this.connections.of(uuid) !== undefined)) return;
    const speakers = new Map<string, Connection>();
    for (const offer of await this.rollouts.offersFor(() => this.recorded(printers, speakers))) {
      const connection = speakers.get(offer.printerUuid);
      // A printer that has since reconnected on a newer socket gets its update from that subscribe.
      if (connection && this.connections.of(offer.printerUuid) === connection)
        connection.send(connection.updateMessage(offer));
    }
  }

  /**
   * The connected printers whose record is up to date. A printer that is just subscribing will report its version first, and that subscribe
   * decides its update.
   *
   * @param speakers is filled with the connection of each printer
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
