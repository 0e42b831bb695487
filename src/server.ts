import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { APP_OPTIONS, listen, setUpApp } from './app.setup.js';
import type { AppConfig } from './config/config.js';
import type { DataLock } from './database/sqlite/data-lock.js';
import { GatedExpressAdapter } from './http/server/gated-express-adapter.js';
import { ServerLogger } from './server-logger.js';

/** Starts the server, and resolves when it listens. */
export async function startServer(config: AppConfig, lock: DataLock): Promise<void> {
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.with(config, lock),
    new GatedExpressAdapter(),
    { ...APP_OPTIONS, logger: new ServerLogger(config) },
  );
  setUpApp(app);
  try {
    await listen(app, config.port, config.host);
  } catch (error) {
    // The database is open already: close it cleanly, as at any stop.
    await app.close();
    throw error;
  }
  const url = `http://localhost:${config.port}`;
  new Logger('Server').log(
    `Listening on ${config.host}:${config.port}: console at ${url}, API at ${url}/api, explorer at ${url}/docs`,
  );
}
