import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { ApiBadInput, ApiProblem } from '../common/api-answers.js';
import { NoQuery } from '../common/no-query.js';
import {
  ListPrintersQuery,
  PrinterListResponse,
  PrinterParam,
  PrinterResponse,
  toPrinterKey,
  toPrinterList,
  toPrinterListResponse,
  toPrinterResponse,
} from './printer.dto.js';
import { Presence } from './presence.js';
import { PrinterList } from './printer-list.js';
import { PrinterService } from './printer.service.js';

/** The printer endpoints (guide, "Printer Endpoints"), but for the history, which rollouts write. */
@ApiTags('printers')
@Controller('api/printers')
export class PrinterController {
  constructor(
    private readonly printers: PrinterService,
    private readonly lists: PrinterList,
    private readonly presence: Presence,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List printers; every filter combines with every other' })
  @ApiOkResponse({ type: PrinterListResponse })
  @ApiBadInput('online', 'yes', 'online must be a boolean value')
  list(@Query() query: ListPrintersQuery): PrinterListResponse {
    const { filter, limit, after } = toPrinterList(query);
    return toPrinterListResponse(this.lists.page(filter, limit, after), this.presence);
  }

  @Get(':printer_id')
  @NoQuery()
  @ApiOperation({ summary: 'Get one printer' })
  @ApiParam({ name: 'printer_id', type: String, description: 'Number or UUID of the printer', example: '42' })
  @ApiOkResponse({ type: PrinterResponse })
  @ApiBadInput('printer_id', 'x', 'printer_id must be the number or the UUID of a printer')
  @ApiProblem(404, 'No such printer', 'Printer not found: 42')
  get(@Param() param: PrinterParam): PrinterResponse {
    return toPrinterResponse(this.printers.get(toPrinterKey(param)), this.presence);
  }
}
