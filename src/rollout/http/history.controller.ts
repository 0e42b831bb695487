import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiBadInput, ApiProblem } from '../../http/api-answers.js';
import { RequireScope } from '../../http/route-access.js';
import { ApiPrinterKey, PrinterKey } from '../../printer/printer.dto.js';
import { PrinterDecision } from '../insight/printer-decision.js';
import { DecisionResponse, toDecisionResponse } from './dto/printer-decision.dto.js';
import { UpdateHistory } from '../insight/update-history.js';
import { HistoryQuery, HistoryResponse, toHistoryResponse } from './dto/update.dto.js';

/** The history of a printer, and the current decision about it: endpoints of printers that rollouts answer. */
@ApiTags('printers')
@Controller('api/printers')
export class HistoryController {
  constructor(
    private readonly history: UpdateHistory,
    private readonly decisions: PrinterDecision,
  ) {}

  @Get(':printer_id/updates')
  @RequireScope('read')
  @ApiOperation({
    summary: 'Get the update history of a printer, newest first',
    description:
      'A pending entry, with `id: null`, comes first if an update is due and has not been sent yet.',
  })
  @ApiPrinterKey()
  @ApiOkResponse({ type: HistoryResponse })
  @ApiBadInput('limit', '0', 'limit must not be less than 1')
  @ApiProblem(404, 'No such printer', 'Printer not found: 42')
  async updates(
    @PrinterKey(['limit']) key: number | string,
    @Query() query: HistoryQuery,
  ): Promise<HistoryResponse> {
    return toHistoryResponse(await this.history.of(key, query.limit));
  }

  @Get(':printer_id/decision')
  @RequireScope('read')
  @ApiOperation({
    summary: 'Explain what a printer would be sent now, or why nothing',
    description: 'Decided by the same rules that send updates, for the printer as stored.',
  })
  @ApiPrinterKey()
  @ApiOkResponse({ type: DecisionResponse })
  @ApiBadInput('printer_id', 'x', 'printer_id must be the number or the UUID of a printer')
  @ApiProblem(404, 'No such printer', 'Printer not found: 42')
  async decision(@PrinterKey([]) key: number | string): Promise<DecisionResponse> {
    return toDecisionResponse(await this.decisions.explain(key));
  }
}
