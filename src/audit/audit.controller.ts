import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiBadInput } from '../http/api-answers.js';
import { RequireScope } from '../http/route-access.js';
import { AuditLog } from './audit-log.js';
import { AuditListResponse, AuditQuery, toAuditListResponse, toAuditFilter } from './audit.dto.js';

/** Who changed what. */
@ApiTags('audit')
@Controller('api/audit')
export class AuditController {
  constructor(private readonly log: AuditLog) {}

  @Get()
  @RequireScope('admin')
  @ApiOperation({
    summary: 'List who changed what, when, from where; every filter combines with every other',
    description:
      'The log is append-only; each entry is written in the same transaction as its change. Requires the scope admin.',
  })
  @ApiOkResponse({ type: AuditListResponse })
  @ApiBadInput('action', 'rollout.pause', 'action must be one of the following values: firmware.upload, ...')
  async list(@Query() query: AuditQuery): Promise<AuditListResponse> {
    return toAuditListResponse(await this.log.page(toAuditFilter(query), query.limit, query.cursor));
  }
}
