import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { ApiBadInput, ApiProblem } from '../common/api-answers.js';
import { PrinterParam, toPrinterKey } from '../printer/printer.dto.js';
import { UpdateHistory } from './update-history.js';
import { HistoryQuery, HistoryResponse, toHistoryResponse } from './update.dto.js';

/** The history of a printer: an endpoint of printers, but rollouts write it. */
@ApiTags('printers')
@Controller('api/printers')
export class HistoryController {
  constructor(private readonly history: UpdateHistory) {}

  @Get(':printer_id/updates')
  @ApiOperation({ summary: 'Get the update history of a printer, the newest first' })
  @ApiParam({ name: 'printer_id', type: String, description: 'Number or UUID of the printer', example: '42' })
  @ApiOkResponse({ type: HistoryResponse })
  @ApiBadInput('limit', '0', 'limit must not be less than 1')
  @ApiProblem(404, 'No such printer', 'Printer not found: 42')
  updates(@Param() param: PrinterParam, @Query() query: HistoryQuery): HistoryResponse {
    return toHistoryResponse(this.history.of(toPrinterKey(param), query.limit));
  }
}
