import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { AppConfig } from '../config/config.js';
import { Connections } from './connections.js';

// Pings sent before the event loop gets its turn.
const SLICE = 500;
const SWEEP_MS = 1_000;

/**
 * Pings every socket, because a board that loses power sends no close (printer protocol, "How the boards behave"). Closes sockets that have
 * not subscribed in time.
 */
@Injectable()
export class Heartbeat implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private sweep: NodeJS.Timeout | undefined;

  constructor(
    private readonly connections: Connections,
    private readonly config: AppConfig,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.pingAll(), this.config.pingIntervalMs);
    this.sweep = setInterval(() => this.connections.closeSilent(this.config.subscribeTimeoutMs), SWEEP_MS);
  }

  /** Tells all sockets that the service restarts. */
  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
    clearInterval(this.sweep);
    this.connections.closeForRestart();
  }

  private async pingAll(): Promise<void> {
    let sent = 0;
    for (const connection of [...this.connections.all()]) {
      connection.ping();
      sent += 1;
      if (sent % SLICE === 0) await nextTurn();
    }
  }
}
