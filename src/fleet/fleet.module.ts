import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { FirmwareModule } from '../firmware/firmware.module.js';
import { PrinterModule } from '../printer/printer.module.js';
import { RolloutModule } from '../rollout/rollout.module.js';
import { BehindPrinters } from './behind-printers.js';
import { Census } from './census.js';
import { EventStreams, EventTimes } from './event-streams.js';
import { FleetHistory } from './fleet-history.js';
import { FleetSample } from './fleet-sample.entity.js';
import { FleetSampler } from './fleet-sampler.js';
import { FleetSummary } from './fleet-summary.js';
import { FleetWatch } from './fleet-watch.js';
import { FleetController } from './fleet.controller.js';
import { InstallationWarnings } from './installation-warnings.js';
import { RolloutDiff } from './rollout-diff.js';

/** All printers at a glance, over time and as it changes. */
@Module({
  imports: [TypeOrmModule.forFeature([FleetSample]), FirmwareModule, PrinterModule, RolloutModule],
  controllers: [FleetController],
  providers: [
    BehindPrinters,
    Census,
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
export class FleetModule {}
