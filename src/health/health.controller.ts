import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import type { HealthCheckResult, HealthIndicatorResult } from '@nestjs/terminus';
import { ApiProblem } from '../common/api-answers.js';
import { Unavailable } from '../common/errors.js';
import { NoQuery } from '../common/no-query.js';
import { UnitOfWork } from '../database/unit-of-work.js';

/** Says whether the process lives, and whether it can do its work. */
@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly unitOfWork: UnitOfWork,
  ) {}

  @Get('live')
  @NoQuery()
  @ApiOperation({ summary: 'The process answers' })
  @ApiOkResponse({ schema: { type: 'object', example: { status: 'ok', info: {}, error: {}, details: {} } } })
  live(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  @Get('ready')
  @NoQuery()
  @ApiOperation({ summary: 'The database answers, too' })
  @ApiOkResponse({
    schema: {
      type: 'object',
      example: {
        status: 'ok',
        info: { database: { status: 'up' } },
        error: {},
        details: { database: { status: 'up' } },
      },
    },
  })
  @ApiProblem(503, 'The server cannot do its work', 'database: SQLITE_BUSY: database is locked')
  async ready(): Promise<HealthCheckResult> {
    try {
      return await this.health.check([() => this.database()]);
    } catch (error) {
      if (error instanceof ServiceUnavailableException) throw new Unavailable(describe(error.getResponse()));
      throw error;
    }
  }

  private async database(): Promise<HealthIndicatorResult> {
    const check = this.indicators.check('database');
    try {
      // Changes nothing, but needs the lock of a writer: a database that is locked or read-only cannot take an update down.
      await this.unitOfWork.run((tx) => tx.em.query('DELETE FROM withdrawal WHERE rollout_id < 0'));
      return check.up();
    } catch (error) {
      return check.down(error instanceof Error ? error.message : String(error));
    }
  }
}

/** What is down and why, in one line. */
function describe(result: string | object): string {
  const failed = Object.entries((result as Partial<HealthCheckResult>).error ?? {});
  return failed.map(([name, found]) => `${name}: ${String(found?.message)}`).join('; ');
}
