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

/** Documents the answer to a path that names no rollout. */
export const ApiBadRolloutId = (): MethodDecorator =>
  ApiBadInput('rollout_id', 'x', 'rollout_id must be an integer number');

/** Documents the answer where there is no such rollout. */
export const ApiUnknownRollout = (): MethodDecorator =>
  ApiProblem(404, 'No such rollout', 'Rollout not found: 42');

/** Documents the answer where others look at the whole fleet already. */
export const ApiBusy = (): MethodDecorator =>
  ApiProblem(
    503,
    'Too many such requests wait, or the server is stopping',
    'Too many fleet-wide queries are queued (100); try again later',
  );

/** Documents why a new rollout is refused, be it to be created or previewed. */
export const ApiNewRolloutRefusals = (): MethodDecorator =>
  applyDecorators(
    ApiBadInput('rollout_percentage', 150, 'rollout_percentage must not be greater than 100'),
    ApiProblem(404, 'No build has this version', 'Firmware version not found'),
    ApiProblem(413, 'The body exceeds 1 MiB, or MAX_BODY_BYTES of the server', 'request entity too large'),
    ApiProblem(
      409,
      'The firmware is deprecated, or lacks a signature while signing keys are registered',
      'Firmware 1.5.0 is deprecated, and offered to nobody',
    ),
  );

/** Documents why a change of a rollout is refused, be it to be made or previewed. */
export const ApiRolloutChangeRefusals = (): MethodDecorator =>
  applyDecorators(
    ApiBadInput('rollout_percentage', 101, 'rollout_percentage must not be greater than 100'),
    ApiUnknownRollout(),
    ApiProblem(
      409,
      'The life of the rollout lacks that step',
      'Rollout 42 is cancelled, and cannot become active',
    ),
  );
