import 'reflect-metadata';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { APP_OPTIONS } from './app.setup.js';
import { AppConfig } from './config/config.js';
import { GatedExpressAdapter } from './http/server/gated-express-adapter.js';
import { openApiDocument } from './openapi.js';

/** Writes the OpenAPI document to a file, without listening and without leaving data behind. */
async function write(path: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'paperminder-openapi-'));
  try {
    const config = new AppConfig({
      DATABASE_URL: `sqlite:///${join(folder, 'paperminder.db')}`,
      UPLOADS_DIR: join(folder, 'uploads'),
      HOST: '127.0.0.1',
    });
    const module = AppModule.with(config);
    const app = await NestFactory.create<NestExpressApplication>(module, new GatedExpressAdapter(), {
      ...APP_OPTIONS,
      logger: ['error'],
    });
    writeFileSync(path, JSON.stringify(openApiDocument(app, config), null, 2));
    await app.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [, , path] = process.argv;
if (path === undefined) throw new Error('Say where the document is to be written: openapi-cli.js FILE');
await write(path);
