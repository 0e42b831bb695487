import { Injectable } from '@nestjs/common';
import { Changes } from '../database/changes.js';

/**
 * Which printers are connected to this process. Kept in memory alone: a connection costs one write less, and a server that
 * starts, or starts again after a crash, is right from the first moment, for nobody is connected to it.
 */
@Injectable()
export class Presence {
  private readonly online = new Set<number>();
  /** Grows whenever a printer comes or goes. */
  revision = 0;

  constructor(private readonly changes: Changes) {}

  connected(printerId: number): void {
    this.online.add(printerId);
    this.revision += 1;
    this.changes.printer(printerId);
  }

  disconnected(printerId: number): void {
    this.online.delete(printerId);
    this.revision += 1;
    this.changes.printer(printerId);
  }

  isOnline(printerId: number): boolean {
    return this.online.has(printerId);
  }

  /** How many are connected. */
  get count(): number {
    return this.online.size;
  }

  /** Their numbers. */
  ids(): number[] {
    return [...this.online];
  }
}
