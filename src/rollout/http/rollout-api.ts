import { applyDecorators } from '@nestjs/common';
import { ApiParam, ApiProperty } from '@nestjs/swagger';
import { IsInt, Min } from 'class-validator';
import { ApiBadInput, ApiProblem } from '../../http/api-answers.js';
import { QueryInteger } from '../../http/query-fields.js';

/** The rollout in a path. */
export class RolloutParam {
  @ApiProperty({ type: 'integer', example: 42 })
  @QueryInteger()
  @IsInt()
  @Min(1)
  rollout_id!: number;
}

/** Documents the rollout in a path. */
export const ApiRolloutId = (): MethodDecorator =>
  ApiParam({ name: 'rollout_id', type: 'integer', example: 42 });

/** Documents the response to an invalid rollout id. */
export const ApiBadRolloutId = (): MethodDecorator =>
  ApiBadInput('rollout_id', 'x', 'rollout_id must be an integer number');

/** Documents the response if there is no such rollout. */
export const ApiUnknownRollout = (): MethodDecorator =>
  ApiProblem(404, 'No such rollout', 'Rollout not found: 42');

/** Documents the response if too many fleet-wide queries are queued. */
export const ApiBusy = (): MethodDecorator =>
  ApiProblem(
    503,
    'Too many such requests are queued, or the server is stopping',
    'Too many fleet-wide queries are queued (100); try again later',
  );

/** Documents why a new rollout, or its preview, is refused. */
export const ApiNewRolloutRefusals = (): MethodDecorator =>
  applyDecorators(
    ApiBadInput('rollout_percentage', 150, 'rollout_percentage must not be greater than 100'),
    ApiProblem(404, 'No build has this version', 'Firmware version not found: 1.5.0'),
    ApiProblem(413, 'The body exceeds 1 MiB, or MAX_BODY_BYTES of the server', 'request entity too large'),
    ApiProblem(
      409,
      'The firmware is deprecated, or lacks a signature while signing keys are registered',
      'Firmware 1.5.0 is deprecated, and not offered to printers',
    ),
  );

/** Documents why a change to a rollout, or its preview, is refused. */
export const ApiRolloutChangeRefusals = (): MethodDecorator =>
  applyDecorators(
    ApiBadInput('rollout_percentage', 101, 'rollout_percentage must not be greater than 100'),
    ApiUnknownRollout(),
    ApiProblem(
      409,
      'The rollout cannot make that transition',
      'Rollout 42 is cancelled, and cannot become active',
    ),
  );
