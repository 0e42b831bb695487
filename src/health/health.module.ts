import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { FirmwareModule } from '../firmware/firmware.module.js';
import { HealthController } from './health.controller.js';

/** Health checks for supervisors and load balancers. A failed check is logged like every other 503, not with each probe. */
@Module({
  imports: [FirmwareModule, TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
})
export class HealthModule {}
