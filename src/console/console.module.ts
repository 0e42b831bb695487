import { Module } from '@nestjs/common';
import type { NestModule } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AppConfig } from '../config/config.js';
import type { GatedExpressAdapter } from '../http/server/gated-express-adapter.js';
import { securityHeaders } from '../http/server/security-headers.js';
import { BUILT_CONSOLE, CONSOLE_FOLDER, ConsoleFiles } from './console-files.js';
import { consoleNotFound, setUpConsole } from './console-routes.js';

/** The server's part of the web console: serves its files. */
@Module({ providers: [ConsoleFiles, { provide: CONSOLE_FOLDER, useValue: BUILT_CONSOLE }] })
export class ConsoleModule implements NestModule {
  constructor(
    private readonly host: HttpAdapterHost<GatedExpressAdapter>,
    private readonly files: ConsoleFiles,
    private readonly config: AppConfig,
  ) {}

  configure(): void {
    const { httpAdapter } = this.host;
    httpAdapter.afterRoutes('console', () => {
      setUpConsole(httpAdapter, this.files);
      httpAdapter.use(consoleNotFound(this.files, securityHeaders(this.config)('console')));
    });
  }
}
