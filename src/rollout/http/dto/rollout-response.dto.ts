import { ApiProperty } from '@nestjs/swagger';
import { CHANNELS } from '../../../common/channel.js';
import type { Channel } from '../../../common/channel.js';
import { ApiNextCursor } from '../../../http/page-fields.js';
import { ROLLOUT_STATUSES } from '../../rules/status.js';
import type { RolloutStatus } from '../../rules/status.js';
import type { Links, TakesBack } from '../../insight/rollout-links.js';
import { LIST_KINDS } from '../../store/target-lists.js';
import type { ListKind, TargetLists } from '../../store/target-lists.js';
import { RolloutCountersResponse, toRolloutCountersResponse } from './rollout-counters.dto.js';
import { ROLLOUT_TYPES, listOf } from '../../store/entities/rollout.entity.js';
import type { Rollout, RolloutType } from '../../store/entities/rollout.entity.js';

/** A warning about a new rollout. */
export const EXAMPLE_WARNING =
  'scheduled_for 2025-01-20T02:00:00.000Z passed 3 hours ago, so the rollout starts at once';

/** The target of a rollout as an object; a field that does not narrow it is null. */
export class TargetResponse {
  @ApiProperty({ type: Boolean, example: false })
  all!: boolean;

  @ApiProperty({ type: [String], format: 'uuid', nullable: true, example: null })
  user_ids!: string[] | null;

  @ApiProperty({ type: [String], format: 'uuid', nullable: true, example: null })
  printer_ids!: string[] | null;

  @ApiProperty({ enum: CHANNELS, isArray: true, nullable: true, example: ['stable'] })
  channels!: Channel[] | null;

  @ApiProperty({ type: String, nullable: true, example: '1.0.0' })
  min_version!: string | null;

  @ApiProperty({ type: String, nullable: true, example: null })
  max_version!: string | null;
}

/** What a rollout of a rollback takes back. */
export class RollsBackResponse {
  @ApiProperty({ type: String, example: '1.5.0', description: 'The version that its printers leave' })
  firmware_version!: string;

  @ApiProperty({ type: [Number], example: [41], description: 'The rollouts of that version' })
  rollout_ids!: number[];

  @ApiProperty({
    type: [String],
    nullable: true,
    example: ['1.4.0'],
    description: 'Only printers that ran one of these versions before; null for no such limit',
  })
  ran_before!: string[] | null;

  @ApiProperty({
    type: [String],
    nullable: true,
    example: null,
    description:
      'Only printers that ran none of these versions before, including those whose previous version is unknown',
  })
  ran_none_of!: string[] | null;
}

/** A rollout. `total_targets` is the sum of the five counts, at every moment. */
export class RolloutResponse extends RolloutCountersResponse {
  @ApiProperty({ type: Number, example: 42 })
  id!: number;

  @ApiProperty({ type: String, example: '1.5.0' })
  firmware_version!: string;

  @ApiProperty({
    type: Number,
    nullable: true,
    example: 15,
    description: 'null once its row has been deleted; if another channel has the same build, the row there',
  })
  firmware_version_id!: number | null;

  @ApiProperty({ type: TargetResponse })
  target!: TargetResponse;

  @ApiProperty({ type: Boolean, example: false })
  target_all!: boolean;

  @ApiProperty({ type: String, nullable: true, example: null, description: 'JSON text' })
  target_user_ids!: string | null;

  @ApiProperty({ type: String, nullable: true, example: null, description: 'JSON text' })
  target_printer_ids!: string | null;

  @ApiProperty({
    type: Number,
    nullable: true,
    example: null,
    description:
      'How many users or printers the target lists; null if it lists none. Lists and events omit lists of more than 100 and have ' +
      'null instead; `GET /api/rollouts/{rollout_id}` returns the complete lists',
  })
  target_ids_count!: number | null;

  @ApiProperty({
    enum: LIST_KINDS,
    nullable: true,
    example: 'printer_ids',
    description: 'Whether the target lists users or printers; null if it lists none',
  })
  target_ids_kind!: ListKind | null;

  @ApiProperty({ type: String, nullable: true, example: '["stable"]', description: 'JSON text' })
  target_channels!: string | null;

  @ApiProperty({ type: String, nullable: true, example: '1.0.0' })
  min_version!: string | null;

  @ApiProperty({ type: String, nullable: true, example: null })
  max_version!: string | null;

  @ApiProperty({ enum: ROLLOUT_TYPES, example: 'gradual' })
  rollout_type!: RolloutType;

  @ApiProperty({ type: Number, minimum: 0, maximum: 100, example: 20 })
  rollout_percentage!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  scheduled_for!: string | null;

  @ApiProperty({ type: Boolean, example: false })
  allow_downgrade!: boolean;

  @ApiProperty({ enum: ROLLOUT_STATUSES, example: 'active' })
  status!: RolloutStatus;

  @ApiProperty({ type: String, format: 'date-time', example: '2025-01-15T10:00:00.000Z' })
  created_at!: string;

  @ApiProperty({ type: String, nullable: true, maxLength: 100, example: 'October, first floor' })
  name!: string | null;

  @ApiProperty({ type: String, nullable: true, maxLength: 2_000, example: null })
  note!: string | null;

  @ApiProperty({
    type: String,
    example: 'ci',
    description:
      'The name of the key that created it; without a key `local`, `anybody`, `command_line` or `system`',
  })
  created_by!: string;

  @ApiProperty({
    type: RollsBackResponse,
    nullable: true,
    description: 'Set if it is part of a rollback: the version that is rolled back',
  })
  rolls_back!: RollsBackResponse | null;

  @ApiProperty({
    type: [Number],
    example: [],
    description: 'The rollouts that move its printers back, if its version has been rolled back',
  })
  rolled_back_by!: number[];

  @ApiProperty({ type: Number, example: 150 })
  total_targets!: number;

  @ApiProperty({
    type: Number,
    example: 58,
    description:
      'Targets that are due, whatever has become of them: within the percentage, or sent before. `due_pending_count` plus the four counts',
  })
  due_count!: number;

  @ApiProperty({
    type: Number,
    example: 21,
    description:
      'Targets that are due and have not been sent the update: offline, or waiting. 0 before the scheduled time; a pause does not change it',
  })
  due_pending_count!: number;
}

/** A rollout that has just been created. */
export class CreatedRolloutResponse extends RolloutResponse {
  @ApiProperty({
    type: [String],
    example: [EXAMPLE_WARNING],
    description: 'Unusual things about the request, which was still accepted',
  })
  warnings!: string[];
}

/** A page of rollouts. */
export class RolloutListResponse {
  @ApiProperty({ type: [RolloutResponse], description: 'Newest first' })
  rollouts!: RolloutResponse[];

  @ApiNextCursor()
  next_cursor!: number | null;
}

/** What a response contains besides the row of the rollout. */
export interface RolloutParts {
  links: Links;
  lists: TargetLists;
  kind: ListKind | null;
  /** Number of targets that are due and were sent nothing. */
  duePending: number;
}

/** Maps a rollout to its response. */
export function toRolloutResponse(rollout: Rollout, parts: RolloutParts): RolloutResponse {
  const { links, lists, kind, duePending } = parts;
  const sent = rollout.inProgressCount + rollout.completedCount + rollout.failedCount + rollout.declinedCount;
  return {
    id: rollout.id,
    firmware_version: rollout.version,
    firmware_version_id: rollout.firmwareId,
    target: toTargetResponse(rollout, lists),
    target_all: rollout.targetAll,
    target_user_ids: lists.userIds,
    target_printer_ids: lists.printerIds,
    target_ids_count: rollout.targetIdsCount,
    target_ids_kind: kind,
    target_channels: rollout.targetChannels,
    min_version: rollout.minVersion,
    max_version: rollout.maxVersion,
    rollout_type: rollout.type,
    rollout_percentage: rollout.percentage,
    scheduled_for: rollout.scheduledFor?.toISOString() ?? null,
    allow_downgrade: rollout.allowDowngrade,
    status: rollout.status,
    created_at: rollout.createdAt.toISOString(),
    name: rollout.name,
    note: rollout.note,
    created_by: rollout.createdBy,
    rolls_back: links.takesBack && toRollsBack(links.takesBack),
    rolled_back_by: links.takenBackBy,
    total_targets: rollout.pendingCount + sent,
    due_count: duePending + sent,
    due_pending_count: duePending,
    ...toRolloutCountersResponse(rollout),
  };
}

function toRollsBack({ version, rollouts, cameFrom }: TakesBack): RollsBackResponse {
  return {
    firmware_version: version,
    rollout_ids: rollouts,
    ran_before: cameFrom && 'only' in cameFrom ? cameFrom.only : null,
    ran_none_of: cameFrom && 'except' in cameFrom ? cameFrom.except : null,
  };
}

function toTargetResponse(rollout: Rollout, lists: TargetLists): TargetResponse {
  return {
    all: rollout.targetAll,
    user_ids: listOf(lists.userIds),
    printer_ids: listOf(lists.printerIds),
    channels: listOf(rollout.targetChannels) as Channel[] | null,
    min_version: rollout.minVersion,
    max_version: rollout.maxVersion,
  };
}
