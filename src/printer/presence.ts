import { Injectable } from '@nestjs/common';
import { Changes } from '../database/changes.js';

/**
 * Which printers are connected to this process. Kept in memory alone: a connection costs one write less, and a server that
 * starts, or starts again after a crash, is right from the first moment, for nobody is connected to it.
 */
@Injectable()
export class Presence {
  /** The connection of each printer: the late end of an older one must not put the printer offline. */
  private readonly online = new Map<number, object>();
  /** Grows whenever a printer comes or goes. */
  revision = 0;

  constructor(private readonly changes: Changes) {}

  /** A printer is online through this connection, and through no other any more. */
  connected(printerId: number, connection: object): void {
    this.online.set(printerId, connection);
    this.changed(printerId);
  }

  /** This connection has ended; if it was the one of the printer, that is offline now. */
  disconnected(printerId: number, connection: object): void {
    if (this.online.get(printerId) !== connection) return;
    this.online.delete(printerId);
    this.changed(printerId);
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
    return [...this.online.keys()];
  }

  private changed(printerId: number): void {
    this.revision += 1;
    this.changes.printer(printerId);
  }
}
