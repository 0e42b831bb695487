import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { StreamableFile } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import express from 'express';
import type { Express, IRouter, RequestHandler, Response } from 'express';
import { declaredAccess } from '../route-access.js';
import type { RouteAccess } from '../route-access.js';

/** Answers a request before Express sees it and returns true, or leaves it alone and returns false. */
export type PreHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Creates the middleware that decides who may use a route; `null` stands for requests that match no route. */
export type RouteGate = (access: RouteAccess | null) => RequestHandler | RequestHandler[];

type Verb = 'get' | 'head' | 'post' | 'put' | 'patch' | 'delete' | 'options' | 'all';

const CHECK_INTERVAL_MS = 1_000;

/**
 * Express with a gate before every route, by the access that its handler declares. Nest copies a handler's metadata to the function that it
 * registers, for adapters to read. So the checked route is always the matched one, however the target was spelled.
 */
export class GatedExpressAdapter extends ExpressAdapter {
  private preHandler: PreHandler = () => false;
  private shortcut: PreHandler = () => false;
  private readonly sockets = new Set<Socket>();
  private readonly stopListeners: Array<() => void> = [];
  private readonly lastRoutes: Array<{ access: RouteAccess; add: () => void }> = [];
  private gate: RouteGate | null = null;
  /** The access of routes whose handlers declare none. */
  private undeclared: RouteAccess = 'admin';

  setPreHandler(preHandler: PreHandler): void {
    this.preHandler = preHandler;
  }

  /** Sets what answers a route's most frequent requests without Express. Called after the pre-handler, and only if that returns false. */
  setShortcut(shortcut: PreHandler): void {
    this.shortcut = shortcut;
  }

  /** Calls back when the server begins to stop, before it stops accepting connections. */
  onStop(listener: () => void): void {
    this.stopListeners.push(listener);
  }

  constructor() {
    super(application());
  }

  /** Call it before any route is added. */
  setRouteGate(gate: RouteGate): void {
    this.gate = gate;
  }

  /**
   * Calls back after all controllers' routes are registered: routes added then are matched last, and cost the others nothing.
   *
   * @param access what these routes require
   */
  afterRoutes(access: RouteAccess, add: () => void): void {
    this.lastRoutes.push({ access, add });
  }

  override setNotFoundHandler(...handler: Parameters<ExpressAdapter['setNotFoundHandler']>): void {
    for (const { access, add } of this.lastRoutes) {
      this.undeclared = access;
      add();
    }
    this.undeclared = 'admin';
    this.use(this.gateFor(null));
    super.setNotFoundHandler(...handler);
  }

  override get = this.gated('get');
  override head = this.gated('head');
  override post = this.gated('post');
  override put = this.gated('put');
  override patch = this.gated('patch');
  override delete = this.gated('delete');
  override options = this.gated('options');
  override all = this.gated('all');

  override useStaticAssets(...[path, options]: Parameters<ExpressAdapter['useStaticAssets']>): void {
    this.use(options.prefix ?? '/', this.gateFor(this.undeclared));
    super.useStaticAssets(path, options);
  }

  private gated(verb: Verb): (path: unknown, handler?: RequestHandler) => unknown {
    return (path, handler) => {
      if (typeof path !== 'string' || handler === undefined) throw new Error('A route needs a path');
      const gate = this.gateFor(declaredAccess(handler) ?? this.undeclared);
      const router: IRouter = this.getInstance();
      return router[verb](path, gate, handler);
    };
  }

  private gateFor(access: RouteAccess | null): RequestHandler | RequestHandler[] {
    if (this.gate === null) throw new Error('The adapter has no gate: setRouteGate comes before the routes');
    return this.gate(access);
  }

  /** Replies like Express with an object, but faster (bench/README.md): the content type is always the same. */
  override reply(response: Response, body: unknown, statusCode?: number): void {
    if (!isPlain(body) || response.hasHeader('Content-Type')) {
      super.reply(response, body, statusCode);
      return;
    }
    if (statusCode !== undefined) response.statusCode = statusCode;
    const text = JSON.stringify(body);
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.setHeader('Content-Length', Buffer.byteLength(text));
    response.end(text);
  }

  /** Accepts no new connections; open ones answer the request that they are on, and at most one more. */
  stopAccepting(): void {
    const server: Server = this.getHttpServer();
    if (!server.listening) return;
    for (const listener of this.stopListeners) listener();
    server.close();
    server.closeIdleConnections();
  }

  /**
   * Runs the pre-handler and the shortcut. An error thrown out of the listener (a database that cannot be read) would end the process, so Express answers
   * it.
   */
  private preHandle(request: IncomingMessage, response: ServerResponse): boolean {
    try {
      return this.preHandler(request, response) || this.shortcut(request, response);
    } catch (error) {
      if (response.headersSent) response.destroy(error as Error);
      return response.headersSent;
    }
  }

  /** Replaces Nest's own server: Nest cannot set how often Node checks for requests that take too long, by default only every 30 s. */
  override initHttpServer(): void {
    const app: RequestListener = this.getInstance();
    const server = createServer({ connectionsCheckingInterval: CHECK_INTERVAL_MS }, (request, response) => {
      // After the stop has begun: Node would keep the connection open, and go on accepting requests on it.
      if (!server.listening) response.shouldKeepAlive = false;
      if (!this.preHandle(request, response)) app(request, response);
    });
    // RFC 9112 §9.6: a client may end its side once it has sent its request (`nc -N` does). By default Node then breaks off the answer;
    // its types lack this option.
    Object.assign(server, { httpAllowHalfOpen: true });
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    this.setHttpServer(server);
  }

  /** Closes everything that is still open, including event streams and WebSockets: a stop does not wait for them. */
  override close(): Promise<unknown> | undefined {
    for (const socket of this.sockets) socket.destroy();
    return super.close();
  }
}

function application(): Express {
  const app = express();
  // RFC 3986 §6.2.2.1: paths are case-sensitive. An operator who blocks a path at a proxy must block all spellings that reach it.
  app.enable('case sensitive routing');
  app.set('query parser', 'simple');
  app.disable('x-powered-by');
  app.disable('etag');
  return app;
}

function isPlain(body: unknown): boolean {
  return (
    typeof body === 'object' && body !== null && !(body instanceof StreamableFile) && !(body instanceof Error)
  );
}
