import { setImmediate } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { RolloutEvents } from '../rollout/rollout.events.js';
import type { PrintersMayHaveUpdates } from '../rollout/rollout.events.js';
import { RolloutService } from '../rollout/rollout.service.js';
import { Connections } from './connections.js';

// So many printers are asked about in one transaction, before the event loop is given back.
const SLICE = 500;

/** Sends connected printers what a change of the rollouts has for them, without waiting for a reconnect. */
@Injectable()
export class RolloutPush implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(RolloutPush.name);
  private readonly waiting = new Set<string>();
  private subscription: Subscription | undefined;
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
  }

  private add(printers: PrintersMayHaveUpdates): void {
    for (const uuid of printers === 'all' ? this.connections.printers() : printers) this.waiting.add(uuid);
    if (this.running) return;
    this.running = true;
    void this.drain();
  }

  private async drain(): Promise<void> {
    while (this.waiting.size > 0) {
      const slice = [...this.waiting].slice(0, SLICE);
      for (const uuid of slice) this.waiting.delete(uuid);
      try {
        await this.push(slice);
      } catch (error) {
        // What was not sent is found again when the printer connects.
        this.logger.error(`Updates could not be pushed to ${slice.length} printers: ${String(error)}`);
      }
      await setImmediate();
    }
    this.running = false;
  }

  private async push(printers: readonly string[]): Promise<void> {
    const connected = new Map(
      printers.flatMap((uuid) => {
        const connection = this.connections.of(uuid);
        return connection ? [[uuid, connection] as const] : [];
      }),
    );
    if (connected.size === 0) return;
    for (const offer of await this.rollouts.offersFor([...connected.keys()])) {
      const connection = connected.get(offer.printerUuid);
      // A printer that has come back on a newer socket meanwhile is sent its update by that subscribe.
      if (!connection || this.connections.of(offer.printerUuid) !== connection) continue;
      // Behind the answer to a subscribe that is just being handled.
      void connection.inbox.run(() => {
        connection.sendUpdate(offer);
        return Promise.resolve();
      });
    }
  }
}
