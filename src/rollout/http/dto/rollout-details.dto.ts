import { ApiProperty } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import type { CountedPage } from '../../../database/page.js';
import { ApiNextCursor, PageCursor, PageLimit } from '../../../http/page-fields.js';
import type { Presence } from '../../../printer/presence.js';
import { NamedPrinterResponse, toNamedPrinterResponse } from '../../../printer/printer.dto.js';
import { ROLLOUT_STATUSES, TARGET_STATUSES } from '../../rules/status.js';
import type { RolloutStatus, TargetStatus } from '../../rules/status.js';
import type { Failures } from '../../insight/rollout-failures.js';
import type { TimelinePoint } from '../../store/rollout-samples.js';
import { countersOf } from '../../store/entities/rollout-counters.js';
import type { ListedUpdate } from '../../insight/rollout-updates.js';
import { UpdateStateResponse, toUpdateStateResponse } from './update.dto.js';
import { TargetCountsResponse } from './rollout-counters.dto.js';

const LIMITS = { default: 100, maximum: 1_000 };

/** Query of GET /api/rollouts/{rollout_id}/updates. */
export class RolloutUpdatesQuery {
  @ApiProperty({
    enum: TARGET_STATUSES,
    description: '`pending`: targets that have not been sent the update yet',
  })
  @IsIn(TARGET_STATUSES)
  status!: TargetStatus;

  @PageLimit(LIMITS)
  limit = LIMITS.default;

  @PageCursor()
  cursor = 0;
}

/** A target of a rollout. */
export class TargetPrinterResponse extends NamedPrinterResponse {
  @ApiProperty({ type: Boolean, example: true })
  online!: boolean;
}

/** A target of a rollout, with the status of its update. */
export class RolloutUpdateResponse extends UpdateStateResponse {
  @ApiProperty({ type: TargetPrinterResponse })
  printer!: TargetPrinterResponse;

  @ApiProperty({ type: Number, example: 1, description: 'How often it was sent' })
  attempts!: number;
}

/** A page of the targets of a rollout. */
export class RolloutUpdateListResponse {
  @ApiProperty({
    type: [RolloutUpdateResponse],
    description: 'Sorted by printer number. A page may be short or even empty although there is a next one',
  })
  updates!: RolloutUpdateResponse[];

  @ApiProperty({
    type: Number,
    example: 12,
    description:
      'Number of all matches on all pages; for a cancelled rollout, `pending` is the number at the cancel',
  })
  total!: number;

  @ApiNextCursor()
  next_cursor!: number | null;
}

/** Updates that failed for the same reason. */
export class FailureResponse {
  @ApiProperty({ type: String, example: 'Update failed: HTTP error 404' })
  message!: string;

  @ApiProperty({ type: Number, example: 10 })
  count!: number;

  @ApiProperty({ type: [NamedPrinterResponse], description: 'At most 5 of them' })
  printers!: NamedPrinterResponse[];
}

/** Why updates of a rollout failed. */
export class FailuresResponse {
  @ApiProperty({
    type: Number,
    example: 12,
    description: 'All failed updates, except those that a retry sends again',
  })
  total!: number;

  @ApiProperty({
    type: [FailureResponse],
    description:
      'Most common message first, at most 50; after 10,000 different messages, new ones are left out',
  })
  failures!: FailureResponse[];
}

/** The state of a rollout at one moment. */
export class TimelinePointResponse extends TargetCountsResponse {
  @ApiProperty({ type: String, format: 'date-time', example: '2025-01-15T10:00:00.000Z' })
  at!: string;

  @ApiProperty({ enum: ROLLOUT_STATUSES, example: 'active' })
  status!: RolloutStatus;
}

/** The state of a rollout over time. */
export class TimelineResponse {
  @ApiProperty({
    type: [TimelinePointResponse],
    description:
      'Oldest first, since the creation (or since the server began recording them); the last one is the present',
  })
  points!: TimelinePointResponse[];
}

/** Maps a page to its response. */
export function toRolloutUpdateListResponse(
  page: CountedPage<ListedUpdate>,
  presence: Presence,
): RolloutUpdateListResponse {
  return {
    updates: page.rows.map((one) => toRolloutUpdateResponse(one, presence)),
    total: page.total,
    next_cursor: page.nextCursor,
  };
}

function toRolloutUpdateResponse(
  { printer, update }: ListedUpdate,
  presence: Presence,
): RolloutUpdateResponse {
  return {
    ...toUpdateStateResponse(update),
    printer: { ...toNamedPrinterResponse(printer), online: presence.isOnline(printer.id) },
    attempts: update?.attempts ?? 0,
  };
}

/** Maps failures to their response. */
export function toFailuresResponse({ total, failures }: Failures): FailuresResponse {
  return {
    total,
    failures: failures.map(({ message, count, printers }) => ({
      message,
      count,
      printers: printers.map(toNamedPrinterResponse),
    })),
  };
}

/** Maps a timeline to its response. */
export function toTimelineResponse(points: readonly TimelinePoint[]): TimelineResponse {
  return {
    points: points.map((point) => ({
      at: point.at.toISOString(),
      status: point.status,
      ...countersOf(point),
    })),
  };
}
