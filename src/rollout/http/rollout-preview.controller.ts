import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { NoQuery } from '../../http/reject-unknown-query.js';
import { RequireScope } from '../../http/route-access.js';
import { AppConfig } from '../../config/config.js';
import {
  ApiBusy,
  ApiNewRolloutRefusals,
  ApiRolloutChangeRefusals,
  ApiRolloutId,
  RolloutParam,
} from './rollout-api.js';
import { RolloutPreview } from '../insight/rollout-preview.js';
import {
  ChangePreviewResponse,
  RolloutPreviewResponse,
  toChangePreviewResponse,
  toRolloutPreviewResponse,
} from './dto/rollout-preview.dto.js';
import { CHANGES, EXAMPLES } from './rollout.controller.js';
import { ChangeRolloutDto, toRolloutChange } from './dto/change-rollout.dto.js';
import { CreateRolloutDto, toNewRollout } from './dto/rollout.dto.js';

/** Previews of rollouts and of changes to them. */
@ApiTags('rollouts')
@Controller('api/rollouts')
export class RolloutPreviewController {
  constructor(
    private readonly previews: RolloutPreview,
    private readonly config: AppConfig,
  ) {}

  @Post('preview')
  @RequireScope('read')
  @HttpCode(200)
  @NoQuery()
  @ApiOperation({
    summary: 'Preview a new rollout',
    description: 'Accepts and refuses the same bodies as `POST /api/rollouts`, and changes nothing.',
  })
  @ApiBody({ type: CreateRolloutDto, examples: EXAMPLES })
  @ApiOkResponse({ type: RolloutPreviewResponse })
  @ApiNewRolloutRefusals()
  @ApiBusy()
  async ofNew(@Body() dto: CreateRolloutDto): Promise<RolloutPreviewResponse> {
    const wanted = toNewRollout(dto, this.config.maxTargetIds);
    return toRolloutPreviewResponse(await this.previews.ofNew(wanted));
  }

  @Post(':rollout_id/preview')
  @RequireScope('read')
  @HttpCode(200)
  @NoQuery()
  @ApiOperation({
    summary: 'Preview a change to a rollout',
    description: 'Accepts and refuses the same bodies as PATCH, and changes nothing.',
  })
  @ApiRolloutId()
  @ApiBody({ type: ChangeRolloutDto, examples: CHANGES })
  @ApiOkResponse({ type: ChangePreviewResponse })
  @ApiRolloutChangeRefusals()
  @ApiBusy()
  async ofChange(
    @Param() param: RolloutParam,
    @Body() dto: ChangeRolloutDto,
  ): Promise<ChangePreviewResponse> {
    return toChangePreviewResponse(await this.previews.ofChange(param.rollout_id, toRolloutChange(dto)));
  }
}
