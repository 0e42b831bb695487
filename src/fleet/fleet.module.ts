import { Module } from '@nestjs/common';
import type { NestModule } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { FirmwareModule } from '../firmware/firmware.module.js';
import type { GatedExpressAdapter } from '../http/server/gated-express-adapter.js';
import { PrinterModule } from '../printer/printer.module.js';
import { RolloutModule } from '../rollout/rollout.module.js';
import { BehindPrinters } from './behind-printers.js';
import { VersionBreakdown } from './version-breakdown.js';
import { EventStreams, EventTimes } from './events/event-streams.js';
import { FleetHistory } from './history/fleet-history.js';
import { FleetSample } from './history/fleet-sample.entity.js';
import { FleetSampler } from './history/fleet-sampler.js';
import { FleetSummary } from './fleet-summary.js';
import { FleetWatch } from './events/fleet-changes.js';
import { FleetController } from './fleet.controller.js';
import { InstallationWarnings } from './installation-warnings.js';
import { RolloutDiff } from './events/rollout-diff.js';

/** The fleet as a whole: a summary, its history and a stream of changes. */
@Module({
  imports: [TypeOrmModule.forFeature([FleetSample]), FirmwareModule, PrinterModule, RolloutModule],
  controllers: [FleetController],
  providers: [
    BehindPrinters,
    VersionBreakdown,
    EventStreams,
    EventTimes,
    FleetHistory,
    FleetSampler,
    FleetSummary,
    FleetWatch,
    InstallationWarnings,
    RolloutDiff,
  ],
})
export class FleetModule implements NestModule {
  constructor(
    private readonly host: HttpAdapterHost<GatedExpressAdapter>,
    private readonly streams: EventStreams,
  ) {}

  configure(): void {
    this.host.httpAdapter.onStop(() => this.streams.stop());
  }
}
