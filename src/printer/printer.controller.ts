import { Body, Controller, Delete, Get, HttpCode, Patch, Query, Req } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { ApiBadInput, ApiProblem } from '../http/api-answers.js';
import { RequireScope } from '../http/route-access.js';
import {
  ApiPrinterKey,
  ChangePrinterDto,
  PrinterKey,
  PrinterResponse,
  printerKeyOf,
  toPrinterChange,
  toPrinterResponse,
} from './printer.dto.js';
import { Presence } from './presence.js';
import {
  ListPrintersQuery,
  PrinterListResponse,
  toPrinterList,
  toPrinterListResponse,
} from './list/printer-list.dto.js';
import { PrinterAdminService } from './printer-admin.service.js';
import { PrinterList } from './list/printer-list.js';
import { PrinterService } from './printer.service.js';

/** The printer endpoints (guide, "Printer Endpoints"), but for the history, which rollouts write. */
@ApiTags('printers')
@Controller('api/printers')
export class PrinterController {
  constructor(
    private readonly printers: PrinterService,
    private readonly admin: PrinterAdminService,
    private readonly lists: PrinterList,
    private readonly presence: Presence,
  ) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({
    summary: 'List printers; every filter combines with every other',
    description: 'Sorted by number unless `sort` says otherwise.',
  })
  @ApiOkResponse({ type: PrinterListResponse })
  @ApiBadInput('online', 'yes', 'online must be a boolean value')
  async list(@Query() query: ListPrintersQuery): Promise<PrinterListResponse> {
    const { filter, order, limit, after } = toPrinterList(query);
    return toPrinterListResponse(await this.lists.page(filter, order, limit, after), this.presence);
  }

  @Get(':printer_id')
  @RequireScope('read')
  @ApiOperation({
    summary: 'Get one printer',
    description: 'By its number or its UUID.',
  })
  @ApiPrinterKey()
  @ApiOkResponse({ type: PrinterResponse })
  @ApiBadInput('printer_id', 'x', 'printer_id must be the number or the UUID of a printer')
  @ApiProblem(404, 'No such printer', 'Printer not found: 42')
  async get(@Req() request: Request): Promise<PrinterResponse> {
    return toPrinterResponse(await this.printers.get(printerKeyOf(request, [])), this.presence);
  }

  @Patch(':printer_id')
  @RequireScope('admin')
  @ApiOperation({
    summary: 'Block or unblock a printer, or reset its key',
    description: 'A connected printer has to reconnect.',
  })
  @ApiPrinterKey()
  @ApiOkResponse({ type: PrinterResponse })
  @ApiBadInput('blocked', 'yes', 'blocked must be a boolean value')
  @ApiProblem(404, 'No such printer', 'Printer not found: 42')
  async change(
    @PrinterKey([]) key: number | string,
    @Body() dto: ChangePrinterDto,
  ): Promise<PrinterResponse> {
    return toPrinterResponse(await this.admin.change(key, toPrinterChange(dto)), this.presence);
  }

  @Delete(':printer_id')
  @RequireScope('admin')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Delete a printer and its history',
    description:
      'Rollouts no longer count it. A printer that is still running registers itself again when it connects; to keep it out, ' +
      'block it instead, or close the registration.',
  })
  @ApiPrinterKey()
  @ApiNoContentResponse({ description: 'Deleted' })
  @ApiBadInput('printer_id', 'x', 'printer_id must be the number or the UUID of a printer')
  @ApiProblem(404, 'No such printer', 'Printer not found: 42')
  async remove(@PrinterKey([]) key: number | string): Promise<void> {
    await this.admin.remove(key);
  }
}
