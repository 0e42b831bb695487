import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { FleetTally } from './fleet-tally.js';
import { ProblemCounts } from './problem-counts.js';
import { ProblemTally } from './problem-tally.entity.js';
import { PrinterAdminService } from './printer-admin.service.js';
import { PrinterGate } from './printer-gate.js';
import { Presence } from './presence.js';
import { PrinterList } from './printer-list.js';
import { PrinterSelections } from './list/printer-selections.js';
import { PrinterTally } from './printer-tally.entity.js';
import { PrinterController } from './printer.controller.js';
import { Printer } from './printer.entity.js';
import { PrinterService } from './printer.service.js';
import { RegistrationController } from './registration.controller.js';
import { Registration } from './registration.entity.js';
import { Registrations } from './registrations.js';

/** Printers: registered by their first subscribe, listed and looked up. */
@Module({
  imports: [TypeOrmModule.forFeature([Printer, PrinterTally, ProblemTally, Registration]), AuditModule],
  controllers: [PrinterController, RegistrationController],
  providers: [
    FleetTally,
    Presence,
    PrinterAdminService,
    PrinterGate,
    PrinterList,
    PrinterSelections,
    PrinterService,
    ProblemCounts,
    Registrations,
  ],
  exports: [
    FleetTally,
    Presence,
    PrinterAdminService,
    PrinterGate,
    PrinterSelections,
    PrinterService,
    ProblemCounts,
    Registrations,
  ],
})
export class PrinterModule {}
