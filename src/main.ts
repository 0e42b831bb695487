import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { APP_OPTIONS, setUpApp } from './app.setup.js';
import { AppConfig, ConfigError } from './config/config.js';
import { readEnvironment } from './config/environment.js';
import { ServerLogger } from './server-logger.js';

/** What the operator can mend: one line says it all. */
class StartError extends Error {}

async function start(): Promise<void> {
  const config = new AppConfig(readEnvironment());
  const logger = new ServerLogger(config);
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(config), {
    ...APP_OPTIONS,
    logger,
  });
  setUpApp(app);
  await app.listen(config.port, config.host).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw new StartError(`Port ${config.port} is in use by another program`);
    throw error;
  });
  const url = `http://localhost:${config.port}`;
  new Logger('Server').log(
    `Listening on ${config.host}:${config.port}: API at ${url}/api, explorer at ${url}/docs`,
  );
}

start().catch((error: unknown) => {
  console.error(error instanceof ConfigError || error instanceof StartError ? error.message : error);
  process.exit(1);
});
