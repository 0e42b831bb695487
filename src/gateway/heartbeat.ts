import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { AppConfig } from '../config/config.js';
import { Connections } from './connections.js';

/** Pings every socket: a board that loses power sends no close (printer protocol, "How the boards behave"). */
@Injectable()
export class Heartbeat implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly connections: Connections,
    private readonly config: AppConfig,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      for (const connection of this.connections.all()) connection.ping();
    }, this.config.pingIntervalMs);
  }

  /** The sockets are told that the service restarts. */
  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
    this.connections.closeForRestart();
  }
}
