import { once } from 'node:events';
import type { Server } from 'node:http';
import { ValidationPipe } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import { Access } from './access/access.js';
import { ErrorFilter } from './common/error.filter.js';
import { PlainJsonPipe } from './common/plain-json.js';
import { toInvalid } from './common/validators.js';
import { AppConfig } from './config/config.js';
import { DOWNLOAD_ROUTE, FastDownload } from './firmware/fast-download.js';
import { Connections } from './gateway/connections.js';
import { PrinterWsAdapter } from './gateway/printer-ws-adapter.js';
import { FastPathAdapter } from './http/fast-path-adapter.js';
import { RequestObserver } from './http/request-observer.js';
import { securityHeaders } from './http/security-headers.js';
import { setUpOpenApi } from './openapi.js';

// A target may list 10,000 UUIDs, of 39 bytes each with its quotes and comma.
const JSON_BODY_LIMIT = '1mb';

/** What the application must be created with. */
export const APP_OPTIONS = { abortOnError: false, bodyParser: false, forceCloseConnections: true } as const;

/** Everything around the modules: the same for `main.ts` and for the tests. */
export function setUpApp(app: NestExpressApplication): void {
  const config = app.get(AppConfig);
  const adapter = app.getHttpAdapter();
  if (!(adapter instanceof FastPathAdapter)) throw new Error('The application needs the FastPathAdapter');
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  const observer = app.get(RequestObserver);
  app.use((request: Request, response: Response, next: NextFunction) => {
    observer.watch(request, response, () => routeOf(request));
    next();
  });
  const download = app.get(FastDownload);
  adapter.setFastPath((request, response) =>
    download.answer(request, response, () => observer.watch(request, response, () => DOWNLOAD_ROUTE)),
  );
  app.use(securityHeaders(config));
  app.enableCors({ origin: config.corsAllowedOrigins === '*' ? '*' : [...config.corsAllowedOrigins] });
  const access = app.get(Access);
  app.use((request: Request, _: Response, next: NextFunction) => {
    access.check(request);
    next();
  });
  // First of all: a printer that is still heard while its download is refused would report a failure, and that would be final.
  const connections = app.get(Connections);
  adapter.onStop(() => connections.closeForRestart());
  app.useBodyParser('json', { limit: JSON_BODY_LIMIT });
  app.useWebSocketAdapter(new PrinterWsAdapter(app, config));
  app.useGlobalPipes(
    new PlainJsonPipe(),
    new ValidationPipe({
      whitelist: true,
      forbidNonWhitelisted: true,
      transform: true,
      validationError: { target: false },
      exceptionFactory: toInvalid,
    }),
  );
  app.useGlobalFilters(new ErrorFilter());
  setUpOpenApi(app);
  app.enableShutdownHooks();
}

// Handshakes that wait to be accepted; the kernel may allow fewer (net.core.somaxconn). Node's own 511 overflow when a fleet
// reconnects at once, and a handshake that is dropped there is tried again only after a second.
const BACKLOG = 4_096;

/** Starts to listen. */
export async function listen(app: NestExpressApplication, port: number, host: string): Promise<void> {
  await app.init();
  const server: Server = app.getHttpServer();
  server.listen({ port, host, backlog: BACKLOG });
  await once(server, 'listening');
}

function routeOf(request: Request): string {
  const { route } = request as { route?: { path?: unknown } };
  return typeof route?.path === 'string' ? route.path : 'unmatched';
}
