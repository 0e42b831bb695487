import { Module } from '@nestjs/common';
import { MetricsModule } from '../metrics/metrics.module.js';
import { OpenSockets } from './open-sockets.js';
import { RequestObserver } from './request-observer.js';

/** What stands around Express. */
@Module({ imports: [MetricsModule], providers: [OpenSockets, RequestObserver] })
export class HttpModule {}
