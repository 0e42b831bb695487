import { once } from 'node:events';
import type { Server } from 'node:http';
import { ValidationPipe } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ErrorFilter } from './common/error.filter.js';
import { PlainJsonPipe } from './common/plain-json.js';
import { requestLog } from './common/request-log.js';
import { toInvalid } from './common/validators.js';
import { AppConfig } from './config/config.js';
import { PrinterWsAdapter } from './gateway/printer-ws-adapter.js';
import { setUpOpenApi } from './openapi.js';

// A target may list 10,000 UUIDs, of 39 bytes each with its quotes and comma.
const JSON_BODY_LIMIT = '1mb';

/** What the application must be created with. */
export const APP_OPTIONS = { abortOnError: false, bodyParser: false, forceCloseConnections: true } as const;

/** Everything around the modules: the same for `main.ts` and for the tests. */
export function setUpApp(app: NestExpressApplication): void {
  const config = app.get(AppConfig);
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(requestLog);
  app.enableCors({ origin: config.corsAllowedOrigins === '*' ? '*' : [...config.corsAllowedOrigins] });
  app.useBodyParser('json', { limit: JSON_BODY_LIMIT });
  app.useWebSocketAdapter(new PrinterWsAdapter(app));
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
