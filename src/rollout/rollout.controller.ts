import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  ApiBody,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { ApiBadInput, ApiProblem } from '../common/api-answers.js';
import { NoQuery } from '../common/no-query.js';
import { RequireScope } from '../common/route-access.js';
import { AppConfig } from '../config/config.js';
import {
  ApiBadRolloutId,
  ApiNewRolloutRefusals,
  ApiRolloutChangeRefusals,
  ApiRolloutId,
  ApiUnknownRollout,
  RolloutParam,
} from './rollout-api.js';
import { RolloutPresenter } from './campaign/rollout-presenter.js';
import { RolloutAdminService } from './rollout-admin.service.js';
import { RolloutListResponse, RolloutResponse } from './rollout-response.dto.js';
import {
  ChangeRolloutDto,
  ListRolloutsQuery,
  toRolloutChange,
  toRolloutList,
} from './campaign/change-rollout.dto.js';
import { CreateRolloutDto, toNewRollout } from './rollout.dto.js';

/** Rollouts that can be asked for. */
export const EXAMPLES = {
  immediate: {
    summary: 'All printers of a channel, at once',
    value: { firmware_version: '1.5.0', target: { channels: ['stable'] }, rollout_type: 'immediate' },
  },
  gradual: {
    summary: 'A tenth of a channel',
    value: {
      firmware_version: '1.5.0',
      target: { channels: ['stable'], min_version: '1.0.0' },
      rollout_type: 'gradual',
      rollout_percentage: 10,
    },
  },
  scheduled: {
    summary: 'Every printer, at two in the morning UTC',
    value: {
      firmware_version: '1.5.0',
      target: { all: true },
      rollout_type: 'scheduled',
      scheduled_for: '2030-01-20T02:00:00Z',
    },
  },
};

/** Changes that can be made. */
export const CHANGES = {
  pause: { summary: 'Pause: nothing more is sent', value: { status: 'paused' } },
  resume: { summary: 'Resume', value: { status: 'active' } },
  cancel: { summary: 'Cancel, for good', value: { status: 'cancelled' } },
  rename: { summary: 'Give it another name (in every state)', value: { name: 'October, first floor' } },
  widen: { summary: 'Reach more printers (not of an immediate rollout)', value: { rollout_percentage: 50 } },
};

/** The rollout endpoints (guide, "Rollout Endpoints"), and retry. */
@ApiTags('rollouts')
@Controller('api/rollouts')
export class RolloutController {
  constructor(
    private readonly rollouts: RolloutAdminService,
    private readonly presenter: RolloutPresenter,
    private readonly config: AppConfig,
  ) {}

  @Post()
  @RequireScope('rollouts:write')
  @NoQuery()
  @ApiOperation({ summary: 'Create a rollout' })
  @ApiBody({ type: CreateRolloutDto, examples: EXAMPLES })
  @ApiCreatedResponse({ type: RolloutResponse })
  @ApiNewRolloutRefusals()
  async create(@Body() dto: CreateRolloutDto): Promise<RolloutResponse> {
    return this.presenter.one(await this.rollouts.create(toNewRollout(dto, this.config.maxTargetIds)));
  }

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'List rollouts, the newest first' })
  @ApiOkResponse({ type: RolloutListResponse })
  @ApiBadInput(
    'status',
    'activ',
    'status must be one of the following values: scheduled, active, paused, completed, cancelled',
  )
  list(@Query() query: ListRolloutsQuery): RolloutListResponse {
    const { status, limit, before } = toRolloutList(query);
    return this.presenter.page(this.rollouts.list(status, limit, before));
  }

  @Get(':rollout_id')
  @RequireScope('read')
  @NoQuery()
  @ApiOperation({ summary: 'Get one rollout with its counters' })
  @ApiRolloutId()
  @ApiOkResponse({ type: RolloutResponse })
  @ApiBadRolloutId()
  @ApiUnknownRollout()
  get(@Param() param: RolloutParam): RolloutResponse {
    return this.presenter.one(this.rollouts.get(param.rollout_id));
  }

  @Patch(':rollout_id')
  @RequireScope('rollouts:write')
  @NoQuery()
  @ApiOperation({ summary: 'Pause, resume, cancel, or change the percentage, the name or the note' })
  @ApiRolloutId()
  @ApiBody({ type: ChangeRolloutDto, examples: CHANGES })
  @ApiOkResponse({ type: RolloutResponse })
  @ApiRolloutChangeRefusals()
  async change(@Param() param: RolloutParam, @Body() dto: ChangeRolloutDto): Promise<RolloutResponse> {
    return this.presenter.one(await this.rollouts.change(param.rollout_id, toRolloutChange(dto)));
  }

  @Delete(':rollout_id')
  @RequireScope('rollouts:write')
  @HttpCode(204)
  @NoQuery()
  @ApiOperation({
    summary: 'Cancel and delete a rollout',
    description: 'History stays with `rollout_id: null`; what is under way still ends there.',
  })
  @ApiRolloutId()
  @ApiNoContentResponse({ description: 'Deleted' })
  @ApiBadRolloutId()
  @ApiUnknownRollout()
  async remove(@Param() param: RolloutParam): Promise<void> {
    await this.rollouts.remove(param.rollout_id);
  }

  @Post(':rollout_id/retry')
  @RequireScope('rollouts:write')
  @HttpCode(200)
  @NoQuery()
  @ApiOperation({ summary: 'Send the update again to all targets on which it has failed' })
  @ApiRolloutId()
  @ApiOkResponse({ type: RolloutResponse })
  @ApiBadRolloutId()
  @ApiUnknownRollout()
  @ApiProblem(409, 'The rollout is cancelled', 'Rollout 42 is cancelled, and sends nothing any more')
  async retry(@Param() param: RolloutParam): Promise<RolloutResponse> {
    return this.presenter.one(await this.rollouts.retry(param.rollout_id));
  }
}
