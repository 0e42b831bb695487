import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable, Logger } from '@nestjs/common';
import { AddressList, addressGroup, plainAddress } from '../address.js';
import { Forwarding } from '../forwarding.js';
import { problem } from '../problem.dto.js';
import { Throttle } from '../../common/limits/throttle.js';
import { AppConfig } from '../../config/config.js';

// Sockets beside those of printers: downloads, operators, handshakes in progress. Fewer than the open files that the settings reserve.
const OTHER_SOCKETS = 500;
// Maximum surplus sockets of one address that are answered with a reason; further ones are closed without an answer.
const MAX_EXPLAINED_REFUSALS = 100;
// A board gives up a handshake after 5 s (printer protocol); Node's default of a minute would keep abandoned ones open.
const HEADERS_TIMEOUT_MS = 10_000;

/** Limits the sockets of printers and all others: their total number, the number per address, and how long a request may take to arrive. */
@Injectable()
export class SocketLimiter {
  private readonly logger = new Logger('Sockets');
  private readonly unlimited: AddressList;
  private readonly byAddress = new Map<string, number>();
  private readonly surplus = new WeakSet<Socket>();
  /** Sockets counted so far: one is announced a second time if its request asks for a protocol that is ignored. */
  private readonly counted = new WeakSet<Socket>();
  private readonly warnings = { all: new Throttle(), address: new Throttle() };

  constructor(
    private readonly config: AppConfig,
    private readonly forwarding: Forwarding,
  ) {
    this.unlimited = new AddressList(config.unlimitedAddresses);
  }

  /** Starts counting the sockets of a server, and sets its timeouts. */
  watch(server: Server): void {
    const { requestTimeoutMs, stalledMs } = this.config;
    server.requestTimeout = requestTimeoutMs;
    server.headersTimeout = Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs, stalledMs);
    // Node checks whether bytes have moved before it treats a socket as idle, so an answer that is read slowly continues. WebSockets are
    // exempt, because ws switches the timer off.
    server.timeout = stalledMs;
    server.maxConnections = this.config.maxConnections + OTHER_SOCKETS;
    server.on('drop', () =>
      this.warnings.all.run(() =>
        this.logger.warn(`${server.maxConnections} sockets are open: more are closed (MAX_CONNECTIONS)`),
      ),
    );
    server.on('connection', (socket: Socket) => this.count(socket));
  }

  /** True for a handshake that exceeds the socket limit of its address; behind a trusted proxy, of the client's address. */
  isSurplus(request: IncomingMessage): boolean {
    const { socket } = request;
    if (this.forwarding.isTrusted(socket)) this.countAddress(socket, this.forwarding.addressOf(request));
    return this.surplus.has(socket);
  }

  /** Answers a request on a surplus socket with 503 and returns true; returns false for others, which it does not touch. */
  reject({ socket }: IncomingMessage, response: ServerResponse): boolean {
    if (!this.surplus.has(socket)) return false;
    const detail = 'Your address has as many connections as it may have';
    const headers = { Connection: 'close', 'Retry-After': '5', 'Content-Type': 'application/problem+json' };
    response.writeHead(503, headers).end(JSON.stringify(problem(503, detail)));
    return true;
  }

  private count(socket: Socket): void {
    if (this.counted.has(socket)) return;
    this.counted.add(socket);
    // A proxy's sockets carry many clients.
    if (!this.forwarding.isTrusted(socket)) this.countAddress(socket, plainAddress(socket.remoteAddress));
  }

  private countAddress(socket: Socket, address: string): void {
    // Avoids a listener for each of thousands of printers behind a proxy.
    if (this.unlimited.has(address)) return;
    const group = addressGroup(address);
    const open = (this.byAddress.get(group) ?? 0) + 1;
    this.byAddress.set(group, open);
    socket.once('close', () => this.uncount(group));
    const most = this.config.maxConnectionsPerAddress;
    if (open <= most) return;
    this.surplus.add(socket);
    this.warnings.address.run(() =>
      this.logger.warn(
        `${group} has ${most} sockets open: more are turned away (MAX_CONNECTIONS_PER_ADDRESS)`,
      ),
    );
    if (open > most + MAX_EXPLAINED_REFUSALS) socket.destroy();
  }

  private uncount(group: string): void {
    const open = (this.byAddress.get(group) ?? 0) - 1;
    if (open > 0) this.byAddress.set(group, open);
    else this.byAddress.delete(group);
  }
}
