import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { APP_OPTIONS, createLogger, setUpApp } from './app.setup.js';
import { AppConfig, ConfigError } from './config/config.js';
import { readEnvironment } from './config/environment.js';

async function start(): Promise<void> {
  const config = new AppConfig(readEnvironment());
  const logger = createLogger(config);
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(config), {
    ...APP_OPTIONS,
    logger,
  });
  setUpApp(app);
  await app.listen(config.port, config.host);
  const url = `http://localhost:${config.port}`;
  new Logger('Server').log(
    `Listening on ${config.host}:${config.port}: API at ${url}/api, explorer at ${url}/docs`,
  );
}

start().catch((error: unknown) => {
  // A setting that cannot be used is the operator's to mend: one line, no stack.
  console.error(error instanceof ConfigError ? error.message : error);
  process.exitCode = 1;
  process.exit();
});
