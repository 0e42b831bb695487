import { Module } from '@nestjs/common';
import { FirmwareModule } from '../firmware/firmware.module.js';
import { GatewayModule } from '../gateway/gateway.module.js';
import { PrinterModule } from '../printer/printer.module.js';
import { RolloutModule } from '../rollout/rollout.module.js';
import { MetricsController } from './metrics.controller.js';
import { Metrics } from './metrics.js';

/** Metrics for Prometheus. Reads from every feature; no feature depends on it. */
@Module({
  imports: [FirmwareModule, GatewayModule, PrinterModule, RolloutModule],
  controllers: [MetricsController],
  providers: [Metrics],
})
export class MetricsModule {}
