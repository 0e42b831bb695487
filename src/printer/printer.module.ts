import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { PrinterController } from './printer.controller.js';
import { Printer } from './printer.entity.js';
import { PrinterService } from './printer.service.js';

/** Printers: registered by their first subscribe, listed and looked up. */
@Module({
  imports: [TypeOrmModule.forFeature([Printer])],
  controllers: [PrinterController],
  providers: [PrinterService],
  exports: [PrinterService],
})
export class PrinterModule {}
