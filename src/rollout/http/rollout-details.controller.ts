import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiBadInput } from '../../http/api-answers.js';
import { NoQuery } from '../../http/reject-unknown-query.js';
import { RequireScope } from '../../http/route-access.js';
import { Presence } from '../../printer/presence.js';
import { ApiBadRolloutId, ApiBusy, ApiRolloutId, ApiUnknownRollout, RolloutParam } from './rollout-api.js';
import {
  FailuresResponse,
  RolloutUpdateListResponse,
  RolloutUpdatesQuery,
  TimelineResponse,
  toFailuresResponse,
  toRolloutUpdateListResponse,
  toTimelineResponse,
} from './dto/rollout-details.dto.js';
import { TARGET_STATUSES } from '../rules/status.js';
import { RolloutFailures } from '../insight/rollout-failures.js';
import { RolloutSamples } from '../store/rollout-samples.js';
import { RolloutUpdates } from '../insight/rollout-updates.js';

/** Details of a rollout: its updates, why some failed, and its counters over time. */
@ApiTags('rollouts')
@Controller('api/rollouts')
export class RolloutDetailsController {
  constructor(
    private readonly rolloutUpdates: RolloutUpdates,
    private readonly rolloutFailures: RolloutFailures,
    private readonly samples: RolloutSamples,
    private readonly presence: Presence,
  ) {}

  @Get(':rollout_id/updates')
  @RequireScope('read')
  @ApiOperation({
    summary: 'List the targets of a rollout by update status',
    description: 'The latest update of each target, or the pending targets.',
  })
  @ApiRolloutId()
  @ApiOkResponse({ type: RolloutUpdateListResponse })
  @ApiBadInput('status', 'done', `status must be one of the following values: ${TARGET_STATUSES.join(', ')}`)
  @ApiUnknownRollout()
  @ApiBusy()
  async updates(
    @Param() param: RolloutParam,
    @Query() query: RolloutUpdatesQuery,
  ): Promise<RolloutUpdateListResponse> {
    const { status, limit, cursor } = query;
    const page = await this.rolloutUpdates.page(param.rollout_id, status, limit, cursor);
    return toRolloutUpdateListResponse(page, this.presence);
  }

  @Get(':rollout_id/failures')
  @RequireScope('read')
  @NoQuery()
  @ApiOperation({
    summary: 'List why updates of a rollout failed',
    description: 'Most common messages first, each with some of its printers.',
  })
  @ApiRolloutId()
  @ApiOkResponse({ type: FailuresResponse })
  @ApiBadRolloutId()
  @ApiUnknownRollout()
  @ApiBusy()
  async failures(@Param() param: RolloutParam): Promise<FailuresResponse> {
    return toFailuresResponse(await this.rolloutFailures.of(param.rollout_id));
  }

  @Get(':rollout_id/timeline')
  @RequireScope('read')
  @NoQuery()
  @ApiOperation({
    summary: 'Get the counters of a rollout over time',
    description: 'Sampled while the rollout is running.',
  })
  @ApiRolloutId()
  @ApiOkResponse({ type: TimelineResponse })
  @ApiBadRolloutId()
  @ApiUnknownRollout()
  async timeline(@Param() param: RolloutParam): Promise<TimelineResponse> {
    return toTimelineResponse(await this.samples.of(param.rollout_id));
  }
}
