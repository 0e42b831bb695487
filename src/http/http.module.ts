import type { Server } from 'node:http';
import { Global, Module } from '@nestjs/common';
import type { NestModule } from '@nestjs/common';
import { APP_FILTER, APP_PIPE, HttpAdapterHost } from '@nestjs/core';
import { AppConfig } from '../config/config.js';
import { ErrorFilter } from './error.filter.js';
import { Forwarding } from './forwarding.js';
import { CommonHeaders } from './server/common-headers.js';
import type { GatedExpressAdapter } from './server/gated-express-adapter.js';
import { watchResponses } from './server/ignore-upgrade.js';
import { RequestLog } from './server/request-log.js';
import { answersTarget } from './server/request-target.js';
import { SocketLimiter } from './server/socket-limiter.js';
import { StrictValidationPipe } from './strict-validation.pipe.js';

/** HTTP services shared by all modules, and everything around the routes that is the same for all of them. */
@Global()
@Module({
  providers: [
    Forwarding,
    SocketLimiter,
    RequestLog,
    CommonHeaders,
    { provide: APP_FILTER, useClass: ErrorFilter },
    { provide: APP_PIPE, useClass: StrictValidationPipe },
  ],
  exports: [Forwarding, SocketLimiter, RequestLog, CommonHeaders],
})
export class HttpModule implements NestModule {
  constructor(
    private readonly host: HttpAdapterHost<GatedExpressAdapter>,
    private readonly config: AppConfig,
    private readonly sockets: SocketLimiter,
    private readonly requests: RequestLog,
    private readonly headers: CommonHeaders,
  ) {}

  /**
   * Runs before any route is added. The middleware goes to the adapter, not to Nest's consumer: a consumer's middleware has a path, and a
   * request whose path cannot be decoded would pass it by, neither logged nor counted.
   */
  configure(): void {
    const { httpAdapter } = this.host;
    const server = httpAdapter.getHttpServer() as Server;
    const { basePath } = this.config;
    this.sockets.watch(server);
    watchResponses(server);
    httpAdapter.setPreHandler(
      (request, response) =>
        this.sockets.reject(request, response) || answersTarget(request, response, basePath),
    );
    httpAdapter.use(this.requests.middleware);
    httpAdapter.use(this.headers.cors);
  }
}
