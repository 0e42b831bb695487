import { ApiProperty } from '@nestjs/swagger';
import { REASONS } from '../../rules/decide.js';
import { WAITING_REASONS } from '../../rules/preview.js';
import type { WaitingReason } from '../../rules/preview.js';
import type { TargetRefusal } from '../../rules/targeting.js';
import type { ChangePreview, Counted, NewPreview } from '../../insight/rollout-preview.js';
import { EXAMPLE_WARNING } from './rollout-response.dto.js';

const TARGET_REFUSALS = [
  'not_targeted',
  'below_min_version',
  'above_max_version',
  'no_build_for_platform',
  'up_to_date',
  'downgrade_not_allowed',
  'superseded',
  'rolled_back',
  'below_min_upgrade_version',
] as const satisfies readonly TargetRefusal[];

// A new rollout is not part of a rollback; those have a preview of their own.
const LEFT_OUT = { ...REASONS, not_targeted: 'The target names other users, printers or channels.' } as const;

/** Targets that run the same version. */
export class MatchingVersionResponse {
  @ApiProperty({ type: String, example: '1.4.0' })
  version!: string;

  @ApiProperty({ type: Number, example: 90 })
  matching!: number;

  @ApiProperty({ type: Number, example: 8 })
  now!: number;
}

/** Printers that are not targets, for the same reason. */
export class LeftOutResponse {
  @ApiProperty({ enum: TARGET_REFUSALS, example: 'not_targeted' })
  reason!: TargetRefusal;

  @ApiProperty({ type: String, example: LEFT_OUT.not_targeted, description: 'The reason in words' })
  description!: string;

  @ApiProperty({ type: Number, example: 50 })
  printers!: number;
}

/** Targets that would be sent nothing now, for the same reason. */
export class WaitingResponse {
  @ApiProperty({ enum: Object.keys(WAITING_REASONS), example: 'offline' })
  reason!: WaitingReason;

  @ApiProperty({ type: String, example: WAITING_REASONS.offline, description: 'The reason in words' })
  description!: string;

  @ApiProperty({ type: Number, example: 92 })
  printers!: number;
}

/** What a new rollout would do at this moment. */
export class RolloutPreviewResponse {
  @ApiProperty({ type: String, example: '1.5.0' })
  firmware_version!: string;

  @ApiProperty({ type: Number, example: 150, description: 'All printers' })
  printers!: number;

  @ApiProperty({ type: Number, example: 100, description: 'Its targets: what `total_targets` would be' })
  matching!: number;

  @ApiProperty({
    type: Number,
    example: 10,
    description: 'Targets within the percentage, counted by their buckets',
  })
  due!: number;

  @ApiProperty({
    type: Number,
    example: 8,
    description: 'Connected printers that would be sent the update at once',
  })
  now!: number;

  @ApiProperty({
    type: [MatchingVersionResponse],
    description: 'The targets by the version that they run, highest first',
  })
  by_version!: MatchingVersionResponse[];

  @ApiProperty({
    type: [LeftOutResponse],
    description: 'Printers that are not targets; together with `matching`, all printers',
  })
  left_out!: LeftOutResponse[];

  @ApiProperty({
    type: [WaitingResponse],
    description: 'Targets that would be sent nothing now; together with `now`, all targets',
  })
  waiting!: WaitingResponse[];

  @ApiProperty({
    type: [String],
    example: [EXAMPLE_WARNING],
    description: 'Unusual things about the request, which would be accepted nevertheless',
  })
  warnings!: string[];
}

/** What a change to a rollout would do at this moment. */
export class ChangePreviewResponse {
  @ApiProperty({
    type: Number,
    example: 1_204,
    description: 'Connected printers that would be sent the update at once',
  })
  now!: number;

  @ApiProperty({
    type: Number,
    example: 12,
    description: 'Updates of the rollout in progress',
  })
  in_progress!: number;

  @ApiProperty({
    type: Number,
    example: 1_500,
    description: 'Targets that have not been sent the update yet, including those in `now`',
  })
  pending!: number;

  @ApiProperty({
    type: Number,
    example: 150,
    description: 'Targets of `pending` within the percentage, counted by their buckets',
  })
  due!: number;

  @ApiProperty({
    type: [WaitingResponse],
    description:
      'Targets of `due` that would be sent nothing now; together with those that would, all of `due`. `auto_update_off`: they decline',
  })
  waiting!: WaitingResponse[];
}

/** Maps a preview to its response. */
export function toRolloutPreviewResponse(preview: NewPreview): RolloutPreviewResponse {
  return {
    firmware_version: preview.version,
    printers: preview.printers,
    matching: preview.matching,
    due: preview.due,
    now: preview.now,
    by_version: preview.byVersion.map(({ version, matching, now }) => ({ version, matching, now })),
    left_out: preview.leftOut.map(({ reason, printers }) => ({
      reason,
      description: LEFT_OUT[reason],
      printers,
    })),
    waiting: preview.waiting.map(toWaitingResponse),
    warnings: preview.warnings,
  };
}

/** Maps the preview of a change to its response. */
export function toChangePreviewResponse(preview: ChangePreview): ChangePreviewResponse {
  return {
    now: preview.now,
    in_progress: preview.inProgress,
    pending: preview.pending,
    due: preview.due,
    waiting: preview.waiting.map(toWaitingResponse),
  };
}

function toWaitingResponse({ reason, printers }: Counted<WaitingReason>): WaitingResponse {
  return { reason, description: WAITING_REASONS[reason], printers };
}
