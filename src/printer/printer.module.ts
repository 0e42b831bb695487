import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { PrinterCounts } from './counts/printer-counts.js';
import { ProblemCounts } from './counts/problem-counts.js';
import { ProblemCount } from './counts/problem-count.entity.js';
import { PrinterAdminService } from './printer-admin.service.js';
import { PrinterAuthenticator } from './printer-authenticator.js';
import { Presence } from './presence.js';
import { PrinterList } from './list/printer-list.js';
import { PrinterSelections } from './list/printer-selections.js';
import { PrinterCount } from './counts/printer-count.entity.js';
import { PrinterController } from './printer.controller.js';
import { Printer } from './printer.entity.js';
import { PrinterService } from './printer.service.js';
import { RegistrationController } from './registration/registration.controller.js';
import { Registration } from './registration/registration.entity.js';
import { Registrations } from './registration/registrations.js';
import { RegistrationRequests } from './registration/registration-requests.js';

/** Printers: registered by their first subscribe, listed and looked up. */
@Module({
  imports: [TypeOrmModule.forFeature([Printer, PrinterCount, ProblemCount, Registration]), AuditModule],
  controllers: [PrinterController, RegistrationController],
  providers: [
    PrinterCounts,
    Presence,
    PrinterAdminService,
    PrinterAuthenticator,
    PrinterList,
    PrinterSelections,
    PrinterService,
    ProblemCounts,
    RegistrationRequests,
    Registrations,
  ],
  exports: [
    PrinterCounts,
    Presence,
    PrinterAdminService,
    PrinterAuthenticator,
    PrinterSelections,
    PrinterService,
    ProblemCounts,
    RegistrationRequests,
    Registrations,
  ],
})
export class PrinterModule {}
