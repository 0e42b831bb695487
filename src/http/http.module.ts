import { Module } from '@nestjs/common';
import { MetricsModule } from '../metrics/metrics.module.js';
import { RequestObserver } from './request-observer.js';

/** What stands around Express. */
@Module({ imports: [MetricsModule], providers: [RequestObserver] })
export class HttpModule {}
