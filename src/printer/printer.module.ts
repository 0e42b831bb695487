import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { FleetTally } from './fleet-tally.js';
import { PrinterGate } from './printer-gate.js';
import { Presence } from './presence.js';
import { PrinterList } from './printer-list.js';
import { PrinterTally } from './printer-tally.entity.js';
import { PrinterController } from './printer.controller.js';
import { Printer } from './printer.entity.js';
import { PrinterService } from './printer.service.js';

/** Printers: registered by their first subscribe, listed and looked up. */
@Module({
  imports: [TypeOrmModule.forFeature([Printer, PrinterTally]), AuditModule],
  controllers: [PrinterController],
  providers: [FleetTally, Presence, PrinterGate, PrinterList, PrinterService],
  exports: [FleetTally, Presence, PrinterGate, PrinterService],
})
export class PrinterModule {}
