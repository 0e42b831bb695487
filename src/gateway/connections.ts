import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { WebSocket } from 'ws';
import { plainAddress } from '../common/address.js';
import { Serial } from '../common/serial.js';
import { AppConfig } from '../config/config.js';
import type { Offer } from '../rollout/offer.service.js';
import { updateMessage } from './messages.js';
import type { Origin } from './messages.js';

// A host name or address with an optional port: nothing else of a Host header gets into a URL.
const HOST = /^(?:[A-Za-z0-9.-]{1,200}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;
const REPLACED = 4000;

/** One open socket, and the printer behind it once that has subscribed. */
export class Connection {
  /** The printer's UUID; null before its first subscribe. */
  printerUuid: string | null = null;
  /** True once the printer has come back on a newer socket: this one speaks for it no more. */
  replaced = false;
  /** Pings that have not been answered. */
  missedPings = 0;
  readonly origin: Origin;
  /** Messages of one socket are handled in the order in which they came. */
  readonly inbox = new Serial();
  private readonly baseUrl: string;

  /** @param baseUrl where printers reach this server; null: at the host that each of them connected to */
  constructor(
    private readonly socket: WebSocket,
    request: IncomingMessage,
    pathId: string,
    baseUrl: string | null,
  ) {
    this.origin = { pathId, address: plainAddress(request.socket.remoteAddress) };
    const { host } = request.headers;
    const { localAddress, localPort } = request.socket;
    const reached = host && HOST.test(host) ? host : `${plainAddress(localAddress)}:${localPort}`;
    this.baseUrl = baseUrl ?? `http://${reached}`;
  }

  /** Sends one text frame; nothing where the socket is no longer open. */
  send(text: string): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(text);
  }

  /** Sends an update. */
  sendUpdate(offer: Offer): void {
    this.send(updateMessage(offer, this.baseUrl));
  }

  /** Sends a ping, or gives the socket up where the last two were not answered. */
  ping(): void {
    if (this.missedPings >= 2) {
      this.socket.terminate();
      return;
    }
    this.missedPings += 1;
    if (this.socket.readyState === WebSocket.OPEN) this.socket.ping();
  }

  /** Closes the socket because the printer has a newer one. */
  replace(): void {
    this.replaced = true;
    this.socket.close(REPLACED, 'replaced by a newer connection');
  }

  /** Closes the socket; 1012 tells the printer that the service restarts (IANA WebSocket close codes). */
  closeForRestart(): void {
    this.socket.close(1012, 'service restart');
  }
}

/** The open sockets of this process, and which of them speaks for which printer. */
@Injectable()
export class Connections {
  private readonly sockets = new Set<Connection>();
  private readonly byPrinter = new Map<string, Connection>();

  constructor(private readonly config: AppConfig) {}

  /** Takes a new socket in. */
  open(socket: WebSocket, request: IncomingMessage, pathId: string): Connection {
    const connection = new Connection(socket, request, pathId, this.config.baseUrl);
    this.sockets.add(connection);
    return connection;
  }

  /** All open sockets, subscribed or not. */
  all(): Iterable<Connection> {
    return this.sockets;
  }

  /** Makes a socket the one that speaks for a printer; an older one is closed. */
  claim(printerUuid: string, connection: Connection): void {
    const older = this.byPrinter.get(printerUuid);
    if (older && older !== connection) older.replace();
    connection.printerUuid = printerUuid;
    this.byPrinter.set(printerUuid, connection);
  }

  /** Closes every socket. Nothing is recorded for them: at the next start nobody is online. */
  closeForRestart(): void {
    this.byPrinter.clear();
    for (const connection of this.sockets) connection.closeForRestart();
  }

  /** Forgets a closed socket; true where it still spoke for its printer, which is offline now. */
  remove(connection: Connection): boolean {
    this.sockets.delete(connection);
    const { printerUuid } = connection;
    if (printerUuid === null || this.byPrinter.get(printerUuid) !== connection) return false;
    return this.byPrinter.delete(printerUuid);
  }

  /** The socket that speaks for a printer. */
  of(printerUuid: string): Connection | undefined {
    return this.byPrinter.get(printerUuid);
  }

  /** The printers that some socket speaks for, those among them whose subscribe is just being handled. */
  printers(): string[] {
    return [...this.byPrinter.keys()];
  }
}
