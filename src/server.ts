import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { APP_OPTIONS, listen, setUpApp } from './app.setup.js';
import type { StopSignals } from './common/stop-signals.js';
import type { AppConfig } from './config/config.js';
import type { DataLock } from './database/lock/data-lock.js';
import { GatedExpressAdapter } from './http/server/gated-express-adapter.js';
import { ServerLogger } from './server-logger.js';

/**
 * Starts the server, and resolves when it listens. A signal to stop that arrives during the start is obeyed as soon as everything that has
 * been opened can be closed again.
 */
export async function startServer(config: AppConfig, lock: DataLock, signals: StopSignals): Promise<void> {
  signals.defer();
  const adapter = new GatedExpressAdapter();
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(config, lock), adapter, {
    ...APP_OPTIONS,
    logger: new ServerLogger(config),
  });
  setUpApp(app, adapter, config);
  try {
    if (!signals.isReceived) await listen(app, config.port, config.host);
  } catch (error) {
    // The database is open already: close it cleanly, as at any stop.
    await app.close();
    throw error;
  }
  if (signals.isReceived) {
    await app.close();
    signals.end();
    return;
  }
  // Before the hooks, whose work this announces.
  signals.replace((signal) => new Logger('Server').log(`Stopping: received ${signal}`));
  app.enableShutdownHooks();
  const url = `http://localhost:${config.port}`;
  new Logger('Server').log(
    `Listening on ${config.host}:${config.port}: console at ${url}, API at ${url}/api, explorer at ${url}/docs`,
  );
}
