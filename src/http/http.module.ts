import { Global, Module } from '@nestjs/common';
import { Forwarding } from './forwarding.js';
import { SocketLimiter } from './server/socket-limiter.js';
import { RequestLog } from './server/request-log.js';

/** HTTP services shared by all modules. */
@Global()
@Module({
  providers: [Forwarding, SocketLimiter, RequestLog],
  exports: [Forwarding, RequestLog],
})
export class HttpModule {}
