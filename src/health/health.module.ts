import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { FirmwareModule } from '../firmware/firmware.module.js';
import { HealthController } from './health.controller.js';

/** Health checks for supervisors and load balancers. */
@Module({ imports: [FirmwareModule, TerminusModule], controllers: [HealthController] })
export class HealthModule {}
