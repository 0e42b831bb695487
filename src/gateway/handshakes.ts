import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { HttpException, Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import type { WebSocketServer } from 'ws';
import { Throttle } from '../common/limits/throttle.js';
import { isUuid } from '../common/uuid.js';
import { AppConfig } from '../config/config.js';
import { problem } from '../http/problem.dto.js';
import { ignoreUpgrade } from '../http/server/ignore-upgrade.js';
import { pathOf, stripBasePath } from '../http/server/request-target.js';
import { SocketLimiter } from '../http/server/socket-limiter.js';

// Milliseconds of handshakes per turn of the event loop: a fleet that reconnects at once queues thousands of them.
const HANDSHAKE_MS = 5;

interface Handshake {
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

/** Decides which requests become WebSockets of printers, and answers all others with an HTTP status. */
@Injectable()
export class Handshakes {
  private readonly logger = new Logger(Handshakes.name);
  private readonly queue: Handshake[] = [];
  private readonly warnings = new Throttle();

  constructor(
    private readonly config: AppConfig,
    private readonly sockets: SocketLimiter,
    private readonly host: HttpAdapterHost,
  ) {}

  /** Starts answering the upgrade requests of the HTTP server; accepted ones become connections of `webSockets`. */
  listen(webSockets: WebSocketServer): void {
    const http = this.host.httpAdapter.getHttpServer() as Server;
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // RFC 9110 §7.8: any other protocol (`h2c` from curl --http2 and Java's client) is only an offer.
      if (/^websocket$/i.test(request.headers.upgrade ?? ''))
        this.receive(webSockets, { request, socket, head });
      else ignoreUpgrade(http, request, socket, head);
    });
  }

  private receive(webSockets: WebSocketServer, handshake: Handshake): void {
    const { request, socket } = handshake;
    socket.on('error', () => socket.destroy());
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
    this.queue.push(handshake);
    if (this.queue.length === 1) setImmediate(() => this.answerSome(webSockets));
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
  private answerSome(webSockets: WebSocketServer): void {
    const end = performance.now() + HANDSHAKE_MS;
    let done = 0;
    while (done < this.queue.length && performance.now() < end) {
      const handshake = this.queue[done];
      done += 1;
      // The board may have given up in the meantime.
      if (handshake && !handshake.socket.destroyed) this.accept(webSockets, handshake);
    }
    this.queue.splice(0, done);
    if (this.queue.length > 0) setImmediate(() => this.answerSome(webSockets));
  }

  private accept(webSockets: WebSocketServer, { request, socket, head }: Handshake): void {
    if (webSockets.clients.size >= this.config.maxConnections) {
      this.warnThatFull();
      return refuse(socket, 503, 'The server has as many connections as it may have');
    }
    // Sends the handshake's answer and the greeting in one write.
    socket.cork();
    // A server that is closing answers 503 itself.
    webSockets.handleUpgrade(request, socket, head, (client) =>
      webSockets.emit('connection', client, request),
    );
    socket.uncork();
  }

  private warnThatFull(): void {
    this.warnings.run(() =>
      this.logger.warn(
        `${this.config.maxConnections} printers are connected: more are turned away (MAX_CONNECTIONS)`,
      ),
    );
  }
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

/** RFC 9110 §15.5.22: a request without a handshake, or for another protocol, is told which protocol is required. */
export function upgradeRequired(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('Upgrade', 'websocket').setHeader('Connection', 'Upgrade');
  next(new HttpException('Printers connect here by WebSocket (RFC 6455)', 426));
}
