import { once } from 'node:events';
import type { Server } from 'node:http';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { AppConfig } from './config/config.js';
import { PrinterWsAdapter } from './gateway/printer-ws-adapter.js';
import type { GatedExpressAdapter } from './http/server/gated-express-adapter.js';
import { setUpOpenApi } from './openapi.js';

/** Options with which the application must be created. */
export const APP_OPTIONS = { abortOnError: false, bodyParser: false } as const;

/**
 * Sets up what Nest takes from the application instead of its modules, for `server.ts` and the tests alike. Everything else is in the
 * `configure` methods of the modules.
 *
 * @param adapter the one with which the application was created
 */
export function setUpApp(app: NestExpressApplication, adapter: GatedExpressAdapter, config: AppConfig): void {
  app.useWebSocketAdapter(new PrinterWsAdapter(app, config.maxFrameBytes));
  adapter.afterRoutes('explorer', () => setUpOpenApi(app, config));
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
