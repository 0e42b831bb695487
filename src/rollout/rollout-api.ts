import { ApiParam, ApiProperty } from '@nestjs/swagger';
import { IsInt, Min } from 'class-validator';
import { ApiBadInput, ApiProblem } from '../common/api-answers.js';
import { QueryInteger } from '../common/query.js';

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
    '100 requests wait for a look at the whole fleet, as many as may',
  );
