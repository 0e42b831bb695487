import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { APP_OPTIONS, listen, setUpApp } from './app.setup.js';
import { AppConfig, ConfigError } from './config/config.js';
import { readEnvironment } from './config/environment.js';
import { FastPathAdapter } from './http/fast-path-adapter.js';
import { ServerLogger } from './server-logger.js';

async function start(): Promise<void> {
  const config = new AppConfig(readEnvironment());
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.with(config),
    new FastPathAdapter(),
    {
      ...APP_OPTIONS,
      logger: new ServerLogger(config),
    },
  );
  setUpApp(app);
  await listen(app, config.port, config.host);
  const url = `http://localhost:${config.port}`;
  new Logger('Server').log(
    `Listening on ${config.host}:${config.port}: console at ${url}, API at ${url}/api, explorer at ${url}/docs`,
  );
}

/** What the operator can mend, in one line: a setting, a port that is taken, a folder that cannot be written. */
function explain(error: unknown): unknown {
  if (error instanceof ConfigError) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EADDRINUSE') return `The server cannot start: its port is in use (${String(error)})`;
  return code === '' ? error : `The server cannot start: ${String(error)}`;
}

start().catch((error: unknown) => {
  console.error(explain(error));
  process.exit(1);
});
