import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { WebSocket } from 'ws';
import { plainAddress } from '../common/address.js';
import type { Refused } from '../common/errors.js';
import { AppConfig } from '../config/config.js';
import { Presence } from '../printer/presence.js';
import type { Offer } from '../rollout/offer.service.js';
import { updateMessage } from './messages.js';
import type { Origin } from './subscribe-message.js';

// A host name or address with an optional port: nothing else of a Host header gets into a URL.
const HOST = /^(?:[A-Za-z0-9.-]{1,200}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;
const DISMISSED = 4000;

/** Why a subscribe was not accepted, as the printer was told. */
export type RefusalCode = Refused['code'] | 'validation_error' | 'server_error';

/** One open socket, and the printer behind it once that has subscribed. */
export class Connection {
  /** The printer's UUID; null before its first subscribe. */
  printerUuid: string | null = null;
  /** The printer's number; null until its first subscribe is on record. */
  printerId: number | null = null;
  /** True once this socket speaks for its printer no more: it has come back on a newer one, or the server stops. */
  muted = false;
  /** Resolves when the last message has been handled and answered; null before the first. */
  work: Promise<void> | null = null;
  readonly openedAt = performance.now();
  private messages = 0;
  private second = 0;
  /** Pings that have not been answered. */
  missedPings = 0;

  /**
   * @param stream what the socket writes to
   * @param baseUrl where this printer reaches the server
   * @param maxUnreadBytes what may wait to be sent
   */
  constructor(
    private readonly socket: WebSocket,
    private readonly stream: Duplex,
    readonly origin: Origin,
    private readonly baseUrl: string,
    private readonly maxUnreadBytes: number,
  ) {}

  /** Sends text frames, all in one write; nothing where the socket is no longer open. Gives up one that does not read. */
  send(...texts: string[]): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (this.socket.bufferedAmount > this.maxUnreadBytes) {
      this.giveUp();
      return;
    }
    if (texts.length > 1) this.stream.cork();
    for (const text of texts) this.socket.send(text);
    if (texts.length > 1) this.stream.uncork();
  }

  /** The message that tells this printer of an update. */
  updateMessage(offer: Offer): string {
    return updateMessage(offer, this.baseUrl);
  }

  /** Counts a message; false where the socket has sent more in this second than it may. */
  mayReceive(perSecond: number): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.second) {
      this.second = second;
      this.messages = 0;
    }
    this.messages += 1;
    return this.messages <= perSecond;
  }

  /** Closes a socket that does not behave (RFC 6455 §7.4.1: 1008, policy violation). */
  closeForMisuse(reason: string): void {
    this.muted = true;
    this.socket.close(1008, reason);
  }

  /** Sends a ping, or gives the socket up where the last two were not answered. */
  ping(): void {
    if (this.missedPings >= 2 || this.socket.bufferedAmount > this.maxUnreadBytes) {
      this.giveUp();
      return;
    }
    this.missedPings += 1;
    if (this.socket.readyState === WebSocket.OPEN) this.socket.ping();
  }

  private giveUp(): void {
    this.muted = true;
    this.socket.terminate();
  }

  /** Closes the socket, and hears nothing more from it. */
  dismiss(reason: string): void {
    this.muted = true;
    this.socket.close(DISMISSED, reason);
  }

  /** Closes the socket; 1012 tells the printer that the service restarts (IANA WebSocket close codes). */
  closeForRestart(): void {
    this.muted = true;
    this.socket.close(1012, 'service restart');
  }
}

/** The open sockets of this process, and which of them speaks for which printer. */
@Injectable()
export class Connections {
  private readonly sockets = new Set<Connection>();
  /** How many subscribes were refused, by the code that the printer was told. */
  readonly refused = new Map<RefusalCode, number>();
  /** Those that have not subscribed, the oldest first. */
  private readonly silent = new Set<Connection>();
  private readonly byPrinter = new Map<string, Connection>();
  // Printers reach the server at few addresses: one text for all that use the same.
  private readonly baseUrls = new Map<string, string>();

  constructor(
    private readonly config: AppConfig,
    private readonly presence: Presence,
  ) {}

  /** Takes a new socket in. */
  open(socket: WebSocket, request: IncomingMessage, pathId: string): Connection {
    const origin = { pathId, address: plainAddress(request.socket.remoteAddress) };
    const baseUrl = this.config.baseUrl ?? this.baseUrlOf(request);
    const connection = new Connection(socket, request.socket, origin, baseUrl, this.config.maxUnreadBytes);
    this.sockets.add(connection);
    this.silent.add(connection);
    return connection;
  }

  /** All open sockets, subscribed or not. */
  all(): Iterable<Connection> {
    return this.sockets;
  }

  /** How many sockets are open. */
  get count(): number {
    return this.sockets.size;
  }

  /** Makes a socket the one that speaks for a printer; an older one is closed. */
  claim(printerUuid: string, connection: Connection): void {
    const older = this.byPrinter.get(printerUuid);
    if (older && older !== connection) {
      older.dismiss('replaced by a newer connection');
      connection.printerId = older.printerId;
    }
    connection.printerUuid = printerUuid;
    this.byPrinter.set(printerUuid, connection);
  }

  /** The subscribe of a socket is on record: where it still speaks for its printer, that is online from now on. */
  subscribed(connection: Connection, printerId: number): void {
    connection.printerId = printerId;
    this.silent.delete(connection);
    if (connection.printerUuid !== null && this.byPrinter.get(connection.printerUuid) === connection)
      this.presence.connected(printerId);
  }

  /** Closes the sockets that have been open for so long without a subscribe. */
  closeSilent(afterMs: number): void {
    const oldest = performance.now() - afterMs;
    for (const connection of this.silent) {
      if (connection.openedAt > oldest) return;
      this.silent.delete(connection);
      connection.closeForMisuse('no subscribe');
    }
  }

  /** Closes every socket. */
  closeForRestart(): void {
    this.byPrinter.clear();
    for (const connection of this.sockets) connection.closeForRestart();
  }

  /** Forgets a closed socket; where it still spoke for its printer, that is offline from now on. */
  remove(connection: Connection): void {
    this.sockets.delete(connection);
    this.silent.delete(connection);
    this.release(connection);
  }

  /** Takes the printer away from a socket that was not let in. */
  refuse(connection: Connection, code: RefusalCode): void {
    this.countRefusal(code);
    this.release(connection);
    connection.printerUuid = null;
    connection.printerId = null;
  }

  /** Counts a subscribe that was not accepted. */
  countRefusal(code: RefusalCode): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }

  /** The socket that speaks for a printer. */
  of(printerUuid: string): Connection | undefined {
    return this.byPrinter.get(printerUuid);
  }

  /** The printers that some socket speaks for, those among them whose subscribe is just being handled. */
  printers(): Iterable<string> {
    return this.byPrinter.keys();
  }

  private release(connection: Connection): void {
    const { printerUuid, printerId } = connection;
    if (printerUuid === null || this.byPrinter.get(printerUuid) !== connection) return;
    this.byPrinter.delete(printerUuid);
    if (printerId !== null) this.presence.disconnected(printerId);
  }

  private baseUrlOf(request: IncomingMessage): string {
    const { socket } = request;
    const { host } = request.headers;
    const reached =
      host && HOST.test(host) ? host : `${plainAddress(socket.localAddress)}:${socket.localPort}`;
    const known = this.baseUrls.get(reached);
    if (known !== undefined) return known;
    const url = `http://${reached}`;
    if (this.baseUrls.size < MAX_BASE_URLS) this.baseUrls.set(reached, url);
    return url;
  }
}

// Whoever sends a thousand Host headers gets a text for each connection.
const MAX_BASE_URLS = 100;
