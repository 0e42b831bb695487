import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { RolloutEvents } from '../rollout/store/rollout.events.js';
import type { PrintersMayHaveUpdates } from '../rollout/store/rollout.events.js';
import { RolloutService } from '../rollout/rollout.service.js';
import { Throttle } from '../common/limits/throttle.js';
import { Connections } from './connections.js';

// Printers evaluated at a time: more than one batch takes, so the next one is ready while a batch is being committed.
const IN_FLIGHT = 500;
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
  private readonly failures = new Throttle();
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
    let inFlight = 0;
    await new Promise<void>((resolve) => {
      const next = (): void => {
        for (const uuid of this.waiting) {
          if (inFlight >= IN_FLIGHT) return;
          this.waiting.delete(uuid);
          inFlight += 1;
          void this.push(uuid).finally(() => {
            inFlight -= 1;
            next();
          });
        }
        if (inFlight === 0) resolve();
      };
      next();
    });
    this.running = false;
    // Printers that were added in the last moment.
    if (this.waiting.size > 0) this.add([]);
  }

  private tryAgainLater(uuid: string): void {
    if (this.stopped) return;
    this.failed.add(uuid);
    this.retry ??= setTimeout(() => {
      this.retry = undefined;
      const again = [...this.failed];
      this.failed.clear();
      this.add(again);
    }, RETRY_MS);
  }

  /** Evaluates a printer after all its earlier messages, and sends after the answers to those: a printer's jobs run in order. */
  private async push(uuid: string): Promise<void> {
    const connection = this.connections.of(uuid);
    if (connection === undefined) return;
    // A printer that is just subscribing, or has reconnected, gets its update from that subscribe.
    const speaks = (): boolean => this.connections.of(uuid) === connection;
    try {
      const offer = await this.rollouts.offerFor({
        uuid,
        speaker: connection,
        isReady: () => speaks() && !connection.isSubscribing,
      });
      if (offer !== null && speaks()) connection.send(connection.updateMessage(offer));
    } catch (error) {
      this.failures.run(() => this.logger.error(`Updates could not be pushed to printers: ${String(error)}`));
      this.tryAgainLater(uuid);
    }
  }
}
