import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsOptional, IsString } from 'class-validator';
import { parseVersion, parseVersionField } from '../../../common/version.js';
import type { RolloutPresenter } from '../rollout-presenter.js';
import { RolloutResponse } from './rollout-response.dto.js';
import type { Rollout } from '../../store/entities/rollout.entity.js';
import type { RollbackRequest, RollbackState } from '../../campaign/rollback-state.js';

/** Body of POST /api/firmware/{version}/rollback, and of its preview. */
export class RollbackDto {
  @ApiProperty({
    type: String,
    example: 'previous',
    description:
      '`previous` moves each printer back to the version that it ran before; an older version moves all printers to it',
  })
  @IsString()
  to!: string;

  @ApiPropertyOptional({
    type: Boolean,
    default: true,
    example: true,
    description: 'Deprecates the version, so that it is no longer offered',
  })
  @IsOptional()
  @IsBoolean()
  deprecate?: boolean | null;
}

/**
 * Maps a request.
 *
 * @throws ValidationError if `to` is neither `previous` nor a version
 */
export function toRollbackRequest(version: string, dto: RollbackDto): RollbackRequest {
  return {
    version: parseVersion(version),
    to: dto.to === 'previous' ? 'previous' : parseVersionField('to', dto.to),
    deprecate: dto.deprecate ?? true,
  };
}

/** The status of a rollback. */
export const ROLLBACK_STATUSES = ['active', 'completed', 'cancelled'] as const;
export type RollbackStatus = (typeof ROLLBACK_STATUSES)[number];

/** The current state of a rollback. */
export class RollbackResponse {
  @ApiProperty({ type: Number, example: 7 })
  id!: number;

  @ApiProperty({ type: String, example: '1.5.0' })
  firmware_version!: string;

  @ApiProperty({ type: String, example: 'previous' })
  to!: string;

  @ApiProperty({
    enum: ROLLBACK_STATUSES,
    example: 'active',
    description:
      '`completed` once no printer runs the version; `cancelled` if its rollouts were cancelled or deleted',
  })
  status!: RollbackStatus;

  @ApiProperty({ type: Number, example: 28, description: 'Printers that still run the version' })
  printers!: number;

  @ApiProperty({ type: Number, example: 0 })
  online!: number;

  @ApiProperty({ type: Number, example: 28 })
  offline!: number;

  @ApiProperty({ type: Number, example: 0, description: 'More printers that are about to run it' })
  under_way!: number;

  @ApiProperty({
    type: Number,
    example: 0,
    description:
      'How many of `printers` decline: they have `auto_update` off, and the older version is not mandatory. They keep the rollback open',
  })
  opted_out!: number;

  @ApiProperty({ type: [RolloutResponse], description: 'The rollouts that move printers back' })
  rollouts!: RolloutResponse[];

  @ApiProperty({ type: [Number], example: [41], description: 'The rollouts that it cancelled' })
  rolls_back!: number[];

  @ApiProperty({ type: String, example: 'ci' })
  created_by!: string;

  @ApiProperty({ type: String, format: 'date-time', example: '2025-01-15T10:00:00.000Z' })
  created_at!: string;
}

/** Maps a rollback to its response. */
export async function toRollbackResponse(
  state: RollbackState,
  presenter: RolloutPresenter,
): Promise<RollbackResponse> {
  const { rollback, rollouts, takenBack, running, optedOut } = state;
  return {
    id: rollback.id,
    firmware_version: rollback.version,
    to: rollback.to,
    status: statusOf(rollouts),
    printers: running.printers,
    online: running.online,
    offline: running.printers - running.online,
    under_way: running.underWay,
    opted_out: optedOut,
    rollouts: await presenter.several(rollouts),
    rolls_back: takenBack,
    created_by: rollback.createdBy,
    created_at: rollback.createdAt.toISOString(),
  };
}

function statusOf(rollouts: readonly Rollout[]): RollbackStatus {
  const left = rollouts.filter(({ status }) => status !== 'cancelled');
  if (left.length === 0) return 'cancelled';
  return left.every(({ status }) => status === 'completed') ? 'completed' : 'active';
}
