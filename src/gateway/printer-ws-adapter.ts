import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { INestApplicationContext } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import type { WebSocketServer } from 'ws';
import type { AppConfig } from '../config/config.js';
import { problem } from '../http/problem.dto.js';
import { pathOf, stripBasePath } from '../http/server/request-target.js';
import { Throttle } from '../common/throttle.js';
import { isUuid } from '../common/uuid.js';

// Milliseconds for a printer to answer a close frame. ws allows 30 s, and a dead printer would keep its socket that long.
const CLOSE_TIMEOUT_MS = 5_000;
// Milliseconds of handshakes per turn of the event loop: a fleet that reconnects at once queues thousands of them.
const HANDSHAKE_MS = 5;

interface Handshake {
  port: number;
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

const PRINTER_PATH = /^\/ws\/([^/]+)$/;

/** The UUID in the path of a printer's connection, lower-case; null if the path has none. */
export function pathIdOf(request: IncomingMessage): string | null {
  const id = PRINTER_PATH.exec(pathOf(request))?.[1];
  return isUuid(id) ? id.toLowerCase() : null;
}

/** What the HTTP side of the server provides to the sockets. */
export interface HttpSockets {
  /** True for a handshake that exceeds the socket limit of its address. */
  isSurplus(request: IncomingMessage): boolean;
  /** Answers a request as if it had not asked for another protocol. */
  ignoreUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/**
 * Nest's adapter for `ws`, for paths with a parameter: the stock one compares whole paths, and drops a socket with another path without an
 * answer. Messages do not go through Nest's handlers, because they have no `event` to choose a handler by.
 */
export class PrinterWsAdapter extends WsAdapter {
  constructor(
    app: INestApplicationContext,
    private readonly config: AppConfig,
    private readonly sockets: HttpSockets,
  ) {
    super(app);
  }

  private readonly stopListening: Array<() => void> = [];
  private readonly handshakes: Handshake[] = [];
  private readonly warnings = new Throttle();

  override create(port: number, options: Parameters<WsAdapter['create']>[1] = {}): WebSocketServer {
    return super.create(port, {
      ...options,
      maxPayload: this.config.maxFrameBytes,
      // A Latin-1 name must not cost a printer its connection: bytes that are not UTF-8 are read as U+FFFD.
      skipUTF8Validation: true,
      closeTimeout: CLOSE_TIMEOUT_MS,
    }) as WebSocketServer;
  }

  override bindMessageHandlers(): void {
    // The gateway listens on each socket itself.
  }

  override bindClientDisconnect(): void {
    // The gateway listens on each socket itself.
  }

  /** Ignores a broken connection or an invalid frame: it is the printer's fault, not an error of the server. */
  override bindErrorHandler(server: WebSocketServer): WebSocketServer {
    const note = (error: Error): void => this.logger.debug(`A socket failed: ${error.message}`);
    server.on('connection', (socket) => socket.on('error', note));
    server.on('error', (error) => this.logger.error(error));
    return server;
  }

  protected override ensureHttpServerExists(
    port: number,
    httpServer: Server = createServer(),
  ): Server | undefined {
    if (this.httpServersRegistry.has(port)) return undefined;
    this.httpServersRegistry.set(port, httpServer);
    const listener = (request: IncomingMessage, socket: Duplex, head: Buffer): void =>
      // RFC 9110 §7.8: any other protocol (`h2c` from curl --http2 and Java's client) is only an offer.
      /^websocket$/i.test(request.headers.upgrade ?? '')
        ? this.upgrade(port, request, socket, head)
        : this.sockets.ignoreUpgrade(httpServer, request, socket, head);
    httpServer.on('upgrade', listener);
    this.stopListening.push(() => httpServer.off('upgrade', listener));
    return httpServer;
  }

  override async dispose(): Promise<void> {
    for (const stop of this.stopListening.splice(0)) stop();
    await super.dispose();
  }

  private upgrade(port: number, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', destroyIt);
    stripBasePath(request, this.config.basePath);
    const path = pathOf(request);
    if (!PRINTER_PATH.test(path))
      return refuse(socket, 404, `No WebSocket at ${path}; printers connect to /ws/{user_id}`);
    if (pathIdOf(request) === null) return refuse(socket, 400, 'user_id in /ws/{user_id} must be a UUID');
    // A web page that the operator has not allowed: boards send no Origin, or file:// (printer protocol).
    if (!this.mayConnect(request.headers.origin))
      return refuse(socket, 403, 'CORS_ALLOWED_ORIGINS does not allow this Origin');
    if (this.sockets.isSurplus(request))
      return refuse(socket, 503, 'Your address has as many connections as it may have');
    this.handshakes.push({ port, request, socket, head });
    if (this.handshakes.length === 1) setImmediate(() => this.shakeHands());
  }

  private warnThatFull(): void {
    this.warnings.run(() =>
      this.logger.warn(
        `${this.config.maxConnections} printers are connected: more are turned away (MAX_CONNECTIONS)`,
      ),
    );
  }

  private mayConnect(origin: string | undefined): boolean {
    return (
      origin === undefined ||
      origin === 'file://' ||
      this.config.corsAllowedOrigins === '*' ||
      this.config.corsAllowedOrigins.includes(origin)
    );
  }

  /** Answers queued handshakes for a few milliseconds, then yields to the event loop. */
  private shakeHands(): void {
    const end = performance.now() + HANDSHAKE_MS;
    let done = 0;
    while (done < this.handshakes.length && performance.now() < end) {
      const handshake = this.handshakes[done];
      done += 1;
      // The board may have given up in the meantime.
      if (handshake && !handshake.socket.destroyed) this.accept(handshake);
    }
    this.handshakes.splice(0, done);
    if (this.handshakes.length > 0) setImmediate(() => this.shakeHands());
  }

  private accept({ port, request, socket, head }: Handshake): void {
    const [server] = (this.wsServersRegistry.get(port) ?? []) as unknown as WebSocketServer[];
    if (!server) return refuse(socket, 503, 'The server is starting or stopping');
    if (server.clients.size >= this.config.maxConnections) {
      this.warnThatFull();
      return refuse(socket, 503, 'The server has as many connections as it may have');
    }
    // Sends the handshake's answer and the greeting in one write.
    socket.cork();
    server.handleUpgrade(request, socket, head, (client) => server.emit('connection', client, request));
    socket.uncork();
  }
}

/** One function for all sockets, instead of a closure for each of fifteen thousand. */
function destroyIt(this: Duplex): void {
  this.destroy();
}

/** Answers a handshake with an HTTP status, instead of opening the socket and closing it (printer protocol, "Connecting"). */
function refuse(socket: Duplex, status: number, detail: string): void {
  const answer = problem(status, detail);
  const body = JSON.stringify(answer);
  socket.end(
    `HTTP/1.1 ${status} ${answer.title}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
