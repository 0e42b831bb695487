import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { NoQuery } from '../http/reject-unknown-query.js';
import { RequireScope } from '../http/route-access.js';
import { Metrics } from './metrics.js';

/** The endpoint that Prometheus scrapes. */
@ApiTags('metrics')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @RequireScope('read')
  @NoQuery()
  @ApiOperation({
    summary: 'Get the metrics of the server for Prometheus',
    description: 'In the Prometheus text format.',
  })
  @ApiProduces('text/plain')
  @ApiOkResponse({
    content: {
      'text/plain': {
        schema: { type: 'string' },
        example: 'paperminder_printers{state="online"} 42\npaperminder_printers{state="offline"} 8\n',
      },
    },
  })
  async scrape(@Res() response: Response): Promise<void> {
    response.setHeader('Content-Type', this.metrics.contentType);
    response.end(await this.metrics.text());
  }
}
