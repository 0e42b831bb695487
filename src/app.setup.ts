import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { BadRequestException, HttpException } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import cors from 'cors';
import express from 'express';
import type { NextFunction, Request, Response } from 'express';
import { RequestLimits } from './access/request-limits.js';
import { onBehalfOf } from './common/actor.js';
import type { Actor } from './common/actor.js';
import { ErrorFilter } from './http/error.filter.js';
import { problem } from './http/problem.dto.js';
import { normalizeTarget, pathOf, stripBasePath } from './http/server/request-target.js';
import { StrictValidationPipe } from './http/strict-validation.pipe.js';
import { AppConfig } from './config/config.js';
import { ConsoleFiles } from './console/console-files.js';
import { consoleNotFound, setUpConsole } from './console/console-routes.js';
import { EventStreams } from './fleet/events/event-streams.js';
import { Connections } from './gateway/connections.js';
import { PrinterWsAdapter } from './gateway/printer-ws-adapter.js';
import { GatedExpressAdapter } from './http/server/gated-express-adapter.js';
import type { RouteGate } from './http/server/gated-express-adapter.js';
import { ignoreUpgrade, watchResponses } from './http/server/ignore-upgrade.js';
import { composeMiddleware } from './http/server/compose-middleware.js';
import { SocketLimiter } from './http/server/socket-limiter.js';
import { RequestLog } from './http/server/request-log.js';
import { securityHeaders } from './http/server/security-headers.js';
import { setUpOpenApi } from './openapi.js';

// Methods that need no actor, because they change nothing.
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Options with which the application must be created. */
export const APP_OPTIONS = { abortOnError: false, bodyParser: false } as const;

/** Sets up everything around the modules, for `main.ts` and the tests alike. */
export function setUpApp(app: NestExpressApplication): void {
  const config = app.get(AppConfig);
  const adapter = app.getHttpAdapter();
  if (!(adapter instanceof GatedExpressAdapter))
    throw new Error('The application needs the GatedExpressAdapter');
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  const observer = app.get(RequestLog);
  const limits = app.get(RequestLimits);
  const sockets = app.get(SocketLimiter);
  const server = adapter.getHttpServer() as Server;
  sockets.watch(server);
  watchResponses(server);
  adapter.setPreHandler(
    (request, response) => sockets.reject(request, response) || answersTarget(request, response, config),
  );
  app.use(
    composeMiddleware([
      (request, response, next) => {
        observer.watch(request, response, () => routeOf(request));
        next();
      },
      cors({ origin: config.corsAllowedOrigins === '*' ? '*' : [...config.corsAllowedOrigins] }),
    ]),
  );
  const headers = securityHeaders(config);
  adapter.setRouteGate(routeGate(config, limits, headers));
  // Runs before all else: a printer that is refused its download, but still connected, would report a failure, which is final.
  const connections = app.get(Connections);
  adapter.onStop(() => connections.closeForRestart());
  const streams = app.get(EventStreams);
  adapter.onStop(() => streams.stop());
  app.useWebSocketAdapter(
    new PrinterWsAdapter(app, config, { isSurplus: (request) => sockets.isSurplus(request), ignoreUpgrade }),
  );
  app.useGlobalPipes(new StrictValidationPipe(config));
  app.useGlobalFilters(new ErrorFilter());
  adapter.afterRoutes('open', () => adapter.get('/ws/:user_id', upgradeRequired));
  adapter.afterRoutes('explorer', () => setUpOpenApi(app));
  const files = app.get(ConsoleFiles);
  adapter.afterRoutes('console', () => {
    setUpConsole(adapter, files);
    adapter.use(consoleNotFound(files, headers('console')));
  });
}

/**
 * The middleware before each route: sets its headers, checks whether the request may be made, and only then reads its body, so that the
 * server never reads a body that it will refuse.
 */
function routeGate(config: AppConfig, limits: RequestLimits, headers: RouteGate): RouteGate {
  const json = express.json({ limit: config.maxBodyBytes, verify: refuseOtherThanUtf8 });
  return (access) => {
    if (access === null)
      return composeMiddleware([
        headers(access),
        (request, _, next) => void limits.countUnmatched(request).then(() => next(), next),
      ]);
    return composeMiddleware([
      headers(access),
      (request, _, next) => {
        const proceed = (actor: Actor): void =>
          READING.has(request.method) ? next() : onBehalfOf(actor, next);
        const admitted = limits.admit(request, access);
        if (admitted instanceof Promise) admitted.then(proceed).catch(next);
        else proceed(admitted);
      },
      (request, response, next) => (hasBody(request) ? json(request, response, next) : next()),
    ]);
  };
}

/**
 * Normalises the target of a request to the form of a route. Returns true if it has answered the request, because no route can have the
 * target.
 */
function answersTarget(request: IncomingMessage, response: ServerResponse, config: AppConfig): boolean {
  const { basePath } = config;
  if (normalizeTarget(request)) {
    // The links of the console are relative to its root.
    if (basePath !== '' && pathOf(request) === basePath) {
      response.writeHead(308, { Location: `${basePath}/` }).end();
      return true;
    }
    stripBasePath(request, basePath);
    return false;
  }
  const detail = 'The target of a request must be a path, without a fragment (RFC 9112 §3.2)';
  response.writeHead(400, {
    'Content-Type': 'application/problem+json',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(JSON.stringify(problem(400, detail)));
  return true;
}

// Maximum handshakes that wait to be accepted; the kernel may allow fewer (net.core.somaxconn). Node's default of 511 overflows when a
// fleet reconnects at once, and a dropped handshake is retried only after a second.
const BACKLOG = 4_096;

/** Starts listening. */
export async function listen(app: NestExpressApplication, port: number, host: string): Promise<void> {
  await app.init();
  const server: Server = app.getHttpServer();
  server.listen({ port, host, backlog: BACKLOG });
  await once(server, 'listening');
}

/** RFC 9110 §15.5.22: a request without a handshake, or for another protocol, is told which protocol is required. */
function upgradeRequired(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('Upgrade', 'websocket').setHeader('Connection', 'Upgrade');
  next(new HttpException('Printers connect here by WebSocket (RFC 6455)', 426));
}

/** RFC 9112 §6.3: without one of these headers a request has no body. */
function hasBody({ headers }: Request): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** RFC 8259 §8.1. If bytes that are not UTF-8 were accepted, a different text than was sent would be stored. */
function refuseOtherThanUtf8(_request: unknown, _response: unknown, body: Buffer, encoding: string): void {
  if (encoding !== 'utf-8' || !isUtf8(body)) throw new BadRequestException('body must be JSON in UTF-8');
}

function routeOf(request: Request): string {
  const { route } = request as { route?: { path?: unknown } };
  return typeof route?.path === 'string' ? route.path : 'unmatched';
}
