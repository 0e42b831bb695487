import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiBadInput, ApiProblem } from '../common/api-answers.js';
import { ApiPrinterKey, PrinterKey } from '../printer/printer.dto.js';
import { UpdateHistory } from './update-history.js';
import { HistoryQuery, HistoryResponse, toHistoryResponse } from './update.dto.js';

/** The history of a printer: an endpoint of printers, but rollouts write it. */
@ApiTags('printers')
@Controller('api/printers')
export class HistoryController {
  constructor(private readonly history: UpdateHistory) {}

  @Get(':printer_id/updates')
  @ApiOperation({ summary: 'Get the update history of a printer, the newest first' })
  @ApiPrinterKey()
  @ApiOkResponse({ type: HistoryResponse })
  @ApiBadInput('limit', '0', 'limit must not be less than 1')
  @ApiProblem(404, 'No such printer', 'Printer not found: 42')
  updates(@PrinterKey(['limit']) key: number | string, @Query() query: HistoryQuery): HistoryResponse {
    return toHistoryResponse(this.history.of(key, query.limit));
  }
}
