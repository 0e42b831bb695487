import { Body, Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiBody, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { ApiBadInput, ApiProblem } from '../../http/api-answers.js';
import { NoQuery } from '../../http/reject-unknown-query.js';
import { RequireScope } from '../../http/route-access.js';
import { VersionParam } from '../../firmware/firmware.dto.js';
import { parseVersion } from '../../common/version.js';
import { RolloutPresenter } from './rollout-presenter.js';
import { ApiBusy } from './rollout-api.js';
import { RollbackPreviewResponse, toRollbackPreviewResponse } from './dto/rollback-preview.dto.js';
import { RollbackDto, RollbackResponse, toRollbackRequest, toRollbackResponse } from './dto/rollback.dto.js';
import { Rollbacks } from '../campaign/rollbacks.js';

const EXAMPLES = {
  previous: { summary: 'Each printer to the version that it ran before', value: { to: 'previous' } },
  version: {
    summary: 'All printers to one version, without deprecating the bad one',
    value: { to: '1.4.0', deprecate: false },
  },
};
const ApiBadRollback = (): MethodDecorator =>
  ApiBadInput('to', '1.6.0', 'to must be a version below 1.5.0, or previous');
const ApiUnknown = (): MethodDecorator =>
  ApiProblem(
    404,
    'No firmware, no rollout and no printer has this version',
    'Firmware version not found: 1.5.0',
  );

/** Rolls a version back on every printer that runs it. */
@ApiTags('firmware')
@Controller('api/firmware')
export class RollbackController {
  constructor(
    private readonly rollbacks: Rollbacks,
    private readonly presenter: RolloutPresenter,
  ) {}

  @Post(':version/rollback')
  @RequireScope('rollouts:write')
  @NoQuery()
  @ApiOperation({
    summary: 'Roll a version back',
    description:
      'In one transaction: cancels every rollout of the version, deprecates it, and creates a rollout for each version that printers ' +
      'go back to. These target exactly the printers that run the version, or reconnect with it, and take precedence over all others. ' +
      'Answers 200 with the existing rollback if it has the same destination.',
  })
  @ApiBody({ type: RollbackDto, examples: EXAMPLES })
  @ApiCreatedResponse({ type: RollbackResponse })
  @ApiOkResponse({
    type: RollbackResponse,
    description: 'The existing rollback, which has the same destination',
  })
  @ApiBadRollback()
  @ApiUnknown()
  @ApiProblem(
    409,
    'An older binary is missing, or the version is being rolled back to something else',
    'Firmware 1.5.0 cannot be rolled back: 1.4.0 for esp32: The version has no build for the board of these printers. (12 printers)',
  )
  @ApiBusy()
  async rollBack(
    @Param() param: VersionParam,
    @Body() dto: RollbackDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RollbackResponse> {
    const state = await this.rollbacks.rollBack(toRollbackRequest(param.version, dto));
    response.status(state.created ? 201 : 200);
    return toRollbackResponse(state, this.presenter);
  }

  @Post(':version/rollback/preview')
  @RequireScope('read')
  @HttpCode(200)
  @NoQuery()
  @ApiOperation({
    summary: 'Preview a rollback',
    description:
      'Accepts the same body as the rollback, and changes nothing. `missing` lists what would make it fail.',
  })
  @ApiBody({ type: RollbackDto, examples: EXAMPLES })
  @ApiOkResponse({ type: RollbackPreviewResponse })
  @ApiBadRollback()
  @ApiUnknown()
  @ApiBusy()
  async preview(@Param() param: VersionParam, @Body() dto: RollbackDto): Promise<RollbackPreviewResponse> {
    return toRollbackPreviewResponse(await this.rollbacks.preview(toRollbackRequest(param.version, dto)));
  }

  @Get(':version/rollback')
  @RequireScope('read')
  @NoQuery()
  @ApiOperation({
    summary: 'Get the newest rollback of a version, and how many printers still run it',
    description: 'The rollouts that move printers back, and how many printers still run the version.',
  })
  @ApiOkResponse({ type: RollbackResponse })
  @ApiBadInput('version', 'x', 'version must be a semantic version such as 1.5.0 or 1.5.0-beta.2')
  @ApiProblem(404, 'The version was never rolled back', 'Firmware 1.5.0 was never rolled back')
  @ApiBusy()
  async get(@Param() param: VersionParam): Promise<RollbackResponse> {
    return toRollbackResponse(await this.rollbacks.get(parseVersion(param.version)), this.presenter);
  }
}
