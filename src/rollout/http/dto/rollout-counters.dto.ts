import { ApiProperty } from '@nestjs/swagger';
import type { TargetStatus } from '../../rules/status.js';
import { countersOf } from '../../store/entities/rollout-counters.js';
import type { RolloutCounters } from '../../store/entities/rollout-counters.js';

/** The targets of a rollout by what has become of them. */
export class TargetCountsResponse implements Record<TargetStatus, number> {
  @ApiProperty({ type: Number, example: 90 })
  pending!: number;

  @ApiProperty({ type: Number, example: 8 })
  in_progress!: number;

  @ApiProperty({ type: Number, example: 2 })
  completed!: number;

  @ApiProperty({ type: Number, example: 0 })
  failed!: number;

  @ApiProperty({ type: Number, example: 0 })
  declined!: number;
}

/** The same, with the names that they have in a rollout. */
export class RolloutCountersResponse implements Record<`${TargetStatus}_count`, number> {
  @ApiProperty({
    type: Number,
    example: 113,
    description: 'Targets that have not been sent the update: offline, or not within the percentage yet',
  })
  pending_count!: number;

  @ApiProperty({ type: Number, example: 0 })
  in_progress_count!: number;

  @ApiProperty({ type: Number, example: 30 })
  completed_count!: number;

  @ApiProperty({ type: Number, example: 2 })
  failed_count!: number;

  @ApiProperty({ type: Number, example: 5 })
  declined_count!: number;
}

/** Maps the counters of a rollout. */
export function toRolloutCountersResponse(row: RolloutCounters): RolloutCountersResponse {
  const { pending, in_progress, completed, failed, declined } = countersOf(row);
  return {
    pending_count: pending,
    in_progress_count: in_progress,
    completed_count: completed,
    failed_count: failed,
    declined_count: declined,
  };
}
