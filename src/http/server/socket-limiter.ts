import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable, Logger } from '@nestjs/common';
import { AddressList, addressGroup, plainAddress } from '../address.js';
import { Forwarding } from '../forwarding.js';
import { problem } from '../problem.dto.js';
import { Throttle } from '../../common/throttle.js';
import { AppConfig } from '../../config/config.js';

// Sockets beside those of printers: downloads, operators, handshakes on their way. Fewer than the settings leave open files for.
const OTHER_SOCKETS = 500;
// So many of one address are told that they are too many; those beyond are closed unheard.
const MAX_EXPLAINED_REFUSALS = 100;
// A board gives up a handshake after 5 s (printer protocol); Node's minute keeps those open that nobody will finish.
const HEADERS_TIMEOUT_MS = 10_000;

/**
 * Holds down the sockets, printers' and others' alike: how many there are in all and of one address, and how long a request may be on
 * its way.
 */
@Injectable()
export class SocketLimiter {
  private readonly logger = new Logger('Sockets');
  private readonly unlimited: AddressList;
  private readonly byAddress = new Map<string, number>();
  private readonly surplus = new WeakSet<Socket>();
  /** A socket is announced once more if its request asks for a protocol that is ignored. */
  private readonly counted = new WeakSet<Socket>();
  private readonly warnings = { all: new Throttle(), address: new Throttle() };

  constructor(
    private readonly config: AppConfig,
    private readonly forwarding: Forwarding,
  ) {
    this.unlimited = new AddressList(config.unlimitedAddresses);
  }

  /** Begins to count the sockets of a server, and sets its time limits. */
  watch(server: Server): void {
    const { requestTimeoutMs, stalledMs } = this.config;
    server.requestTimeout = requestTimeoutMs;
    server.headersTimeout = Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs, stalledMs);
    // Node looks whether bytes have moved before it takes a socket for idle: an answer that is read slowly goes on. WebSockets are
    // exempt, for ws switches the timer off.
    server.timeout = stalledMs;
    server.maxConnections = this.config.maxConnections + OTHER_SOCKETS;
    server.on('drop', () =>
      this.warnings.all.run(() =>
        this.logger.warn(`${server.maxConnections} sockets are open: more are closed (MAX_CONNECTIONS)`),
      ),
    );
    server.on('connection', (socket: Socket) => this.count(socket));
  }

  /** True for a handshake over a socket that is one too many of its address, behind a trusted proxy of the address that it names. */
  isSurplus(request: IncomingMessage): boolean {
    const { socket } = request;
    if (this.forwarding.isTrusted(socket)) this.countAddress(socket, this.forwarding.addressOf(request));
    return this.surplus.has(socket);
  }

  /** Answers a request that came over a socket too many with 503; leaves others alone, and says so with false. */
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
    // A proxy's sockets are those of many.
    if (!this.forwarding.isTrusted(socket)) this.countAddress(socket, plainAddress(socket.remoteAddress));
  }

  private countAddress(socket: Socket, address: string): void {
    // Of thousands of printers behind a proxy, none holds a listener of its own.
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
