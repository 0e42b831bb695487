import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { AccessModule } from './access/access.module.js';
import { AuditModule } from './audit/audit.module.js';
import { CommonModule } from './common/common.module.js';
import type { AppConfig } from './config/config.js';
import { ConsoleModule } from './console/console.module.js';
import { lockData } from './database/lock/data-lock.js';
import { DatabaseModule } from './database/database.module.js';
import { FirmwareModule } from './firmware/firmware.module.js';
import { FleetModule } from './fleet/fleet.module.js';
import { GatewayModule } from './gateway/gateway.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { PrinterModule } from './printer/printer.module.js';
import { RolloutModule } from './rollout/rollout.module.js';
import { SimulatorModule } from './simulator-control/simulator.module.js';

/** The whole server. */
@Module({})
export class AppModule {
  /** @param lock the lock on the data that the settings name */
  static with(config: AppConfig, lock = lockData(config)): DynamicModule {
    return {
      module: AppModule,
      imports: [
        CommonModule.with(config),
        DatabaseModule.with(lock),
        ScheduleModule.forRoot(),
        // Routes are tried in this order, so the most requested ones come first.
        PrinterModule,
        FirmwareModule,
        RolloutModule,
        GatewayModule,
        AccessModule,
        AuditModule,
        FleetModule,
        HealthModule,
        MetricsModule,
        HttpModule,
        SimulatorModule,
        ConsoleModule,
      ],
    };
  }
}
