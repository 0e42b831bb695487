import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import { ValidationError } from '../../../common/errors.js';
import { PageCursor, PageLimit } from '../../../http/page-fields.js';
import { ROLLOUT_STATUSES } from '../../rules/status.js';
import type { RolloutStatus } from '../../rules/status.js';
import type { RolloutChange } from '../../campaign/rollout-change.js';
import { RolloutName, RolloutNote, textOrNull } from './rollout-texts.js';

const PATCH_STATUSES = ['active', 'paused', 'cancelled'] as const;

/** Body of PATCH /api/rollouts/{rollout_id}. */
export class ChangeRolloutDto {
  @ApiPropertyOptional({
    enum: ROLLOUT_STATUSES,
    example: 'paused',
    description: `An operator may set ${PATCH_STATUSES.join(', ')}; setting the current status changes nothing`,
  })
  @IsOptional()
  @IsIn(ROLLOUT_STATUSES)
  status?: RolloutStatus | null;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 100,
    example: 50,
    description:
      'Not for an immediate or cancelled rollout; lowering it does not recall updates that were sent',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(100)
  rollout_percentage?: number | null;

  @RolloutName()
  name?: string | null;

  @RolloutNote()
  note?: string | null;
}

/**
 * Maps a change.
 *
 * @throws ValidationError if it changes nothing
 */
export function toRolloutChange(dto: ChangeRolloutDto): RolloutChange {
  const change = {
    status: dto.status ?? undefined,
    percentage: dto.rollout_percentage ?? undefined,
    // Null or an empty text removes it; undefined leaves it as it is.
    name: dto.name === undefined ? undefined : textOrNull(dto.name),
    note: dto.note === undefined ? undefined : textOrNull(dto.note),
  };
  if (Object.values(change).every((value) => value === undefined))
    throw ValidationError.field('body', dto, 'the body must name status, rollout_percentage, name or note');
  return change;
}

const LIMITS = { default: 100, maximum: 1_000 };

/** Query of GET /api/rollouts. */
export class ListRolloutsQuery {
  @ApiPropertyOptional({ enum: ROLLOUT_STATUSES })
  @IsOptional()
  @IsIn(ROLLOUT_STATUSES)
  status?: RolloutStatus;

  @PageLimit(LIMITS)
  limit = LIMITS.default;

  @PageCursor()
  cursor?: number;
}
