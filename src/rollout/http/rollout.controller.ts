import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  ApiBody,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { ApiBadInput, ApiProblem } from '../../http/api-answers.js';
import { NoQuery } from '../../http/reject-unknown-query.js';
import { RequireScope } from '../../http/route-access.js';
import { AppConfig } from '../../config/config.js';
import {
  ApiBadRolloutId,
  ApiNewRolloutRefusals,
  ApiRolloutChangeRefusals,
  ApiRolloutId,
  ApiUnknownRollout,
  RolloutParam,
} from './rollout-api.js';
import { RolloutPresenter } from './rollout-presenter.js';
import { Rollouts } from '../campaign/rollouts.js';
import { CreatedRolloutResponse, RolloutListResponse, RolloutResponse } from './dto/rollout-response.dto.js';
import { ChangeRolloutDto, ListRolloutsQuery, toRolloutChange } from './dto/change-rollout.dto.js';
import { CreateRolloutDto, toNewRollout } from './dto/rollout.dto.js';

// A UUID that no printer has: the explorer fills its form with the first example, and one click sends it.
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Examples of new rollouts. */
export const EXAMPLES = {
  one: {
    summary: 'One printer, by its UUID, for a first test',
    value: {
      firmware_version: '1.5.0',
      target: { printer_ids: [NOBODY] },
      rollout_type: 'gradual',
      rollout_percentage: 1,
    },
  },
  gradual: {
    summary: 'One percent of a channel, to be raised step by step',
    value: {
      firmware_version: '1.5.0',
      target: { channels: ['stable'], min_version: '1.0.0' },
      rollout_type: 'gradual',
      rollout_percentage: 1,
    },
  },
  scheduled: {
    summary: 'The printers of a user, at two in the morning UTC',
    value: {
      firmware_version: '1.5.0',
      target: { user_ids: [NOBODY] },
      rollout_type: 'scheduled',
      scheduled_for: '2030-01-20T02:00:00Z',
    },
  },
};

/** Examples of changes. */
export const CHANGES = {
  pause: { summary: 'Pause: no more updates are sent', value: { status: 'paused' } },
  resume: { summary: 'Resume', value: { status: 'active' } },
  cancel: { summary: 'Cancel permanently', value: { status: 'cancelled' } },
  rename: { summary: 'Rename it (in any state)', value: { name: 'October, first floor' } },
  widen: { summary: 'Reach more printers (not for an immediate rollout)', value: { rollout_percentage: 50 } },
};

/** The rollout endpoints (guide, "Rollout Endpoints"), and retry. */
@ApiTags('rollouts')
@Controller('api/rollouts')
export class RolloutController {
  constructor(
    private readonly rollouts: Rollouts,
    private readonly presenter: RolloutPresenter,
    private readonly config: AppConfig,
  ) {}

  @Post()
  @RequireScope('rollouts:write')
  @NoQuery()
  @ApiOperation({
    summary: 'Create a rollout',
    description:
      '`immediate` and `gradual` start at once, and so does `scheduled` if its time has passed: `warnings` says so. ' +
      'Use `POST /api/rollouts/preview` to see first which printers it would reach.',
  })
  @ApiBody({ type: CreateRolloutDto, examples: EXAMPLES })
  @ApiCreatedResponse({ type: CreatedRolloutResponse })
  @ApiNewRolloutRefusals()
  async create(@Body() dto: CreateRolloutDto): Promise<CreatedRolloutResponse> {
    return this.presenter.created(await this.rollouts.create(toNewRollout(dto, this.config.maxTargetIds)));
  }

  @Get()
  @RequireScope('read')
  @ApiOperation({
    summary: 'List rollouts, newest first',
    description: 'With their counters; lists of more than 100 ids are left out.',
  })
  @ApiOkResponse({ type: RolloutListResponse })
  @ApiBadInput(
    'status',
    'activ',
    'status must be one of the following values: scheduled, active, paused, completed, cancelled',
  )
  async list(@Query() query: ListRolloutsQuery): Promise<RolloutListResponse> {
    return this.presenter.page(await this.rollouts.list(query.status, query.limit, query.cursor));
  }

  @Get(':rollout_id')
  @RequireScope('read')
  @NoQuery()
  @ApiOperation({
    summary: 'Get one rollout with its counters',
    description: 'The counters add up to `total_targets` at every moment.',
  })
  @ApiRolloutId()
  @ApiOkResponse({ type: RolloutResponse })
  @ApiBadRolloutId()
  @ApiUnknownRollout()
  async get(@Param() param: RolloutParam): Promise<RolloutResponse> {
    return this.presenter.one(await this.rollouts.get(param.rollout_id));
  }

  @Patch(':rollout_id')
  @RequireScope('rollouts:write')
  @NoQuery()
  @ApiOperation({
    summary: 'Pause, resume, cancel, or change the percentage, the name or the note',
    description:
      'A transition that the current status does not allow is 409. A lower percentage does not recall updates that were sent.',
  })
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
    description:
      'The history remains, with `rollout_id: null`; updates in progress are still recorded there when they end.',
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
  @ApiOperation({
    summary: 'Send the update again to all targets on which it has failed',
    description: 'Printers whose update is in progress, completed or declined are not affected.',
  })
  @ApiRolloutId()
  @ApiOkResponse({ type: RolloutResponse })
  @ApiBadRolloutId()
  @ApiUnknownRollout()
  @ApiProblem(409, 'The rollout is cancelled', 'Rollout 42 is cancelled and sends no updates')
  async retry(@Param() param: RolloutParam): Promise<RolloutResponse> {
    return this.presenter.one(await this.rollouts.retry(param.rollout_id));
  }
}
