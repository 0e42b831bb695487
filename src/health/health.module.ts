import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';

/** Health checks for supervisors and load balancers. */
@Module({ imports: [TerminusModule], controllers: [HealthController] })
export class HealthModule {}
