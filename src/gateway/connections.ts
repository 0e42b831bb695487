import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { WebSocket } from 'ws';
import { Clock } from '../common/clock.js';
import { Forwarding } from '../http/forwarding.js';
import type { PrinterRefusedError } from '../common/errors.js';
import { AppConfig } from '../config/config.js';
import { Presence } from '../printer/presence.js';
import { Connection } from './connection.js';
import type { ConnectionOwner } from './connection.js';

/** Why a subscribe was not accepted: the code that the printer was sent. */
export type RefusalCode = PrinterRefusedError['code'] | 'validation_error' | 'server_error';

/** The open sockets of this process, and which of them speaks for which printer. */
@Injectable()
export class Connections implements ConnectionOwner {
  private readonly sockets = new Set<Connection>();
  /** Number of refused subscribes by the code that the printer was sent. */
  readonly refused = new Map<RefusalCode, number>();
  /** Connections that speak for no printer, those that have been silent the longest first. */
  private readonly silent = new Set<Connection>();
  private readonly byPrinter = new Map<string, Connection>();

  constructor(
    private readonly config: AppConfig,
    private readonly presence: Presence,
    private readonly clock: Clock,
    private readonly forwarding: Forwarding,
  ) {}

  /** Adds a new socket. */
  open(socket: WebSocket, request: IncomingMessage, pathId: string): Connection {
    const origin = { pathId, address: this.forwarding.addressOf(request) };
    this.forwarding.check(request);
    const connection = new Connection(
      this,
      socket,
      request.socket,
      origin,
      this.forwarding.baseUrlOf(request),
      this.config.maxUnreadBytes,
    );
    this.sockets.add(connection);
    this.silent.add(connection);
    return connection;
  }

  /** All open sockets, subscribed or not. */
  all(): Iterable<Connection> {
    return this.sockets;
  }

  /** Number of open sockets. */
  get count(): number {
    return this.sockets.size;
  }

  /**
   * Called when the subscribe of a connection is on disk: it speaks for its printer now, which is online, and the previous connection of
   * the printer is closed. Not earlier: a refused connection must not cut off the accepted one.
   */
  accept(connection: Connection, printerId: number): void {
    const { printerUuid, printerId: former } = connection;
    connection.printerId = printerId;
    this.silent.delete(connection);
    if (connection.muted || printerUuid === null) return;
    // The printer was deleted and registered again in the meantime.
    if (former !== null && former !== printerId) this.presence.disconnected(former, connection);
    const previous = this.byPrinter.get(printerUuid);
    this.byPrinter.set(printerUuid, connection);
    this.presence.connected(printerId, connection);
    if (previous === undefined || previous === connection) return;
    connection.takeOvers = [...this.recentTakeOvers(previous), this.clock.now().getTime()];
    previous.dismiss('replaced by a newer connection');
  }

  /**
   * True if connections keep taking a printer over from each other, because two boards share one UUID.
   *
   * @param connection the one that subscribes now
   */
  isContested(printerUuid: string, connection: Connection): boolean {
    const current = this.byPrinter.get(printerUuid);
    if (current === undefined) return false;
    const now = current === connection ? 0 : 1;
    return this.recentTakeOvers(current).length + now > MAX_TAKE_OVERS_PER_MINUTE;
  }

  /** Closes the connection of a printer for a reason; it reconnects by itself and is checked again. */
  dismiss(printerUuid: string, reason: string): void {
    this.byPrinter.get(printerUuid)?.dismiss(reason);
  }

  /** Closes the sockets that have spoken for no printer for `afterMs`. */
  closeSilent(afterMs: number): void {
    const oldest = performance.now() - afterMs;
    for (const connection of this.silent) {
      if (connection.silentSince > oldest) return;
      this.silent.delete(connection);
      connection.closeForMisuse('no subscribe');
    }
  }

  /** Closes every socket, because the service restarts. */
  closeForRestart(): void {
    for (const connection of this.sockets) connection.closeForRestart();
  }

  /** Removes a closed socket; if it still spoke for its printer, that printer is now offline. */
  remove(connection: Connection): void {
    this.sockets.delete(connection);
    this.silent.delete(connection);
    connection.mute();
  }

  /** Takes its printer from a connection; the printer is offline until another one speaks for it. */
  release(connection: Connection): void {
    const { printerUuid, printerId } = connection;
    if (printerId !== null) this.presence.disconnected(printerId, connection);
    if (printerUuid !== null && this.byPrinter.get(printerUuid) === connection)
      this.byPrinter.delete(printerUuid);
  }

  /** Takes the printer from a refused connection, and counts the refusal. */
  refuse(connection: Connection, code: RefusalCode): void {
    this.countRefusal(code);
    connection.forgetPrinter();
    connection.printerUuid = null;
    connection.printerId = null;
    if (this.silent.has(connection) || !this.sockets.has(connection)) return;
    connection.silentSince = performance.now();
    this.silent.add(connection);
  }

  /** Counts a subscribe that was not accepted. */
  countRefusal(code: RefusalCode): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }

  /** The connection that speaks for a printer. */
  of(printerUuid: string): Connection | undefined {
    return this.byPrinter.get(printerUuid);
  }

  /** UUIDs of the printers that have a connection. */
  printers(): Iterable<string> {
    return this.byPrinter.keys();
  }

  private recentTakeOvers({ takeOvers }: Connection): number[] {
    const minuteAgo = this.clock.now().getTime() - 60_000;
    // Older ones make no difference.
    return takeOvers.slice(-MAX_TAKE_OVERS_PER_MINUTE - 1).filter((at) => at > minuteAgo);
  }
}

// A board that loses its Wi-Fi opens a new connection while the old one still looks alive, but not more often than this.
const MAX_TAKE_OVERS_PER_MINUTE = 5;
