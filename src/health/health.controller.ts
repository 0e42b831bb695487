import { statfs } from 'node:fs/promises';
import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import type { HealthCheckResult, HealthIndicatorResult } from '@nestjs/terminus';
import { ApiBadInput, ApiProblem } from '../http/api-answers.js';
import { UnavailableError } from '../common/errors.js';
import { NoQuery } from '../http/reject-unknown-query.js';
import { DeclareAccess } from '../http/route-access.js';
import { AppConfig } from '../config/config.js';
import { DataPresence } from '../database/lock/data-presence.js';
import { Database } from '../database/database.js';
import { ImageCheck } from '../firmware/binaries/image-check.js';

type SchemaObject = Exclude<
  NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string],
  { $ref: string }
>;
const INDICATORS: SchemaObject = {
  type: 'object',
  additionalProperties: { type: 'object', additionalProperties: true },
};
const HEALTH: SchemaObject = {
  type: 'object',
  required: ['status', 'details'],
  properties: {
    status: { type: 'string', enum: ['ok', 'error', 'shutting_down'] },
    info: INDICATORS,
    error: INDICATORS,
    details: INDICATORS,
  },
};

/** Reports whether the process is alive, and whether it can do its work. */
@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly database: Database,
    private readonly images: ImageCheck,
    private readonly presence: DataPresence,
    private readonly config: AppConfig,
  ) {}

  @Get('live')
  @DeclareAccess('open')
  @NoQuery()
  @ApiOperation({
    summary: 'Check that the process responds',
    description: 'For liveness probes: checks neither the disk nor the database.',
  })
  @ApiOkResponse({ schema: { ...HEALTH, example: { status: 'ok', info: {}, error: {}, details: {} } } })
  @ApiBadInput('page', '2', 'page is not a known query parameter')
  live(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  @Get('ready')
  @DeclareAccess('open')
  @NoQuery()
  @ApiOperation({
    summary: 'Check that the database is writable and there is room for an upload',
    description: 'For readiness probes: 503 says what is missing.',
  })
  @ApiOkResponse({
    schema: {
      ...HEALTH,
      example: {
        status: 'ok',
        info: {
          database: { status: 'up' },
          uploads: { status: 'up' },
          firmware: { status: 'up', damaged: [] },
        },
        error: {},
        details: {
          database: { status: 'up' },
          uploads: { status: 'up' },
          firmware: { status: 'up', damaged: [] },
        },
      },
    },
  })
  @ApiBadInput('page', '2', 'page is not a known query parameter')
  @ApiProblem(503, 'The server cannot do its work', 'database: SQLITE_BUSY: database is locked')
  async ready(): Promise<HealthCheckResult> {
    try {
      return await this.health.check([
        () => this.checkDatabase(),
        () => this.uploads(),
        () => this.firmware(),
      ]);
    } catch (error) {
      if (error instanceof ServiceUnavailableException)
        throw new UnavailableError(describe(error.getResponse()));
      throw error;
    }
  }

  private async checkDatabase(): Promise<HealthIndicatorResult> {
    const check = this.indicators.check('database');
    try {
      await this.database.checkWritable();
      return check.up();
    } catch (error) {
      return check.down(error instanceof Error ? error.message : String(error));
    }
  }

  /** Names damaged builds, but stays up: nobody is sent those, and everybody else is served. */
  private async firmware(): Promise<HealthIndicatorResult> {
    return this.indicators.check('firmware').up({ damaged: await this.images.damaged() });
  }

  private async uploads(): Promise<HealthIndicatorResult> {
    const check = this.indicators.check('uploads');
    const { uploadsDir, maxFirmwareSize } = this.config;
    try {
      this.presence.requireUploads();
      const { bavail, bsize } = await statfs(uploadsDir);
      if (bavail * bsize >= maxFirmwareSize) return check.up();
      return check.down(
        `${bavail * bsize} bytes are free in ${uploadsDir}, less than MAX_FIRMWARE_SIZE=${maxFirmwareSize}`,
      );
    } catch (error) {
      return check.down(error instanceof Error ? error.message : String(error));
    }
  }
}

/** Describes what is down and why, in one line. */
function describe(result: string | object): string {
  const failed = Object.entries((result as Partial<HealthCheckResult>).error ?? {});
  return failed.map(([name, found]) => `${name}: ${String(found?.message)}`).join('; ');
}
