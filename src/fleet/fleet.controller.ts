import { Controller, Get, Query, Req, Sse } from '@nestjs/common';
import type { MessageEvent } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import type { Observable } from 'rxjs';
import { ApiBadInput, ApiProblem } from '../http/api-answers.js';
import { NoQuery } from '../http/reject-unknown-query.js';
import { RequireScope } from '../http/route-access.js';
import { AppConfig } from '../config/config.js';
import { EventStreams } from './events/event-streams.js';
import { FleetHistory } from './history/fleet-history.js';
import { FleetSummary } from './fleet-summary.js';
import {
  FleetHistoryQuery,
  FleetHistoryResponse,
  toFleetHistoryResponse,
} from './history/fleet-history.dto.js';
import { SummaryResponse, toSummaryResponse } from './summary.dto.js';

const EVENTS = `One stream of server-sent events. Each has a name and JSON:

- \`hello\`, once and first: \`version\`, \`started_at\` and \`simulator\` of the server
- \`summary\`: as GET /api/summary; now, and whenever it has changed
- \`rollouts\`: \`{"rollouts":[...],"removed":[3]}\`; now the newest 100 that are not cancelled, then those that have changed
- \`printers\`: \`{"ids":[1,2,3]}\`, or \`{"all":true}\` if they are too many to name: printers that came, went or changed, or whose
  update changed
- \`firmware\`: builds were uploaded, changed or deleted, or their counts have moved
- \`ping\`: every 20 seconds

Changes are collected for about a second. A client that stops reading gets the current state when it reads again; one that reads
nothing for longer than a request may stall is disconnected. A stream ends after an hour: open it again. At most 200 may be open.`;

const EXAMPLE = `event: hello
id: 1
data: {"version":"0.1.0","started_at":"2025-01-15T10:00:00.000Z","simulator":false}

event: printers
id: 2
data: {"ids":[1,2,3]}

`;

/** The fleet as a whole: its versions now and over time, and a stream of changes. */
@ApiTags('fleet')
@Controller('api')
export class FleetController {
  constructor(
    private readonly fleet: FleetSummary,
    private readonly history: FleetHistory,
    private readonly streams: EventStreams,
    private readonly config: AppConfig,
  ) {}

  @Get('summary')
  @RequireScope('read')
  @NoQuery()
  @ApiOperation({
    summary: 'Sum up the fleet: who is online, who runs what, and who is behind',
    description: 'Counted now, except for the versions: `counted_at` tells when they were counted.',
  })
  @ApiOkResponse({ type: SummaryResponse })
  @ApiBadInput('page', '2', 'page is not a known query parameter')
  async summary(): Promise<SummaryResponse> {
    return toSummaryResponse(await this.fleet.current(), this.config.simulator);
  }

  @Get('fleet/history')
  @RequireScope('read')
  @ApiOperation({
    summary: 'Get the versions that the fleet ran over the last hours, days or months',
    description: 'The longer the period, the longer the steps.',
  })
  @ApiOkResponse({ type: FleetHistoryResponse })
  @ApiBadInput('hours', '0', 'hours must not be less than 1')
  async past(@Query() query: FleetHistoryQuery): Promise<FleetHistoryResponse> {
    return toFleetHistoryResponse(await this.history.ofLast(query.hours));
  }

  @Sse('events')
  @RequireScope('read')
  @NoQuery()
  @ApiOperation({ summary: 'Stream changes', description: EVENTS })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ content: { 'text/event-stream': { schema: { type: 'string' }, example: EXAMPLE } } })
  @ApiBadInput('page', '2', 'page is not a known query parameter')
  @ApiProblem(
    503,
    'Too many streams are open, or the server is stopping',
    'Too many event streams are open (200); try again later',
  )
  events(@Req() request: Request): Observable<MessageEvent> {
    const { res: response } = request;
    if (response === undefined) throw new Error('An Express request has its response');
    return this.streams.open(response);
  }
}
