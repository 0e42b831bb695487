import { Injectable } from '@nestjs/common';
import { Changes } from '../database/changes.js';

/**
 * Which printers are connected to this process. Kept only in memory: a connection costs one write less, and a restarted server is right
 * from the first moment, because nobody is connected to it.
 */
@Injectable()
export class Presence {
  /** The connection of each printer: the late close of an older one must not mark the printer offline. */
  private readonly online = new Map<number, object>();
  /** Grows whenever a printer connects or disconnects. */
  revision = 0;

  constructor(private readonly changes: Changes) {}

  /** Marks a printer online through this connection, which replaces any other. */
  connected(printerId: number, connection: object): void {
    this.online.set(printerId, connection);
    this.changed(printerId);
  }

  /** Records the end of a connection; if it was the printer's current one, the printer is offline. */
  disconnected(printerId: number, connection: object): void {
    if (this.online.get(printerId) !== connection) return;
    this.online.delete(printerId);
    this.changed(printerId);
  }

  isOnline(printerId: number): boolean {
    return this.online.has(printerId);
  }

  /** Number of connected printers. */
  get count(): number {
    return this.online.size;
  }

  /** The numbers of connected printers. */
  ids(): number[] {
    return [...this.online.keys()];
  }

  private changed(printerId: number): void {
    this.revision += 1;
    this.changes.printer(printerId);
  }
}
