import { ApiProperty } from '@nestjs/swagger';
import type { RollbackGroup } from '../../rules/rollback-plan.js';
import { ROLLOUT_STATUSES } from '../../rules/status.js';
import type { RolloutStatus } from '../../rules/status.js';
import { MISSING_REASONS, describeMissing } from '../../campaign/rollback-check.js';
import type { MissingBuild, MissingReason } from '../../campaign/rollback-check.js';
import type { RollbackPreview } from '../../campaign/rollback-state.js';

const OPTED_OUT =
  'How many of `printers` would decline: they have `auto_update` off, and the older version is not mandatory. They keep the bad version';

/** Printers that go back to one version. */
export class RollbackGroupResponse {
  @ApiProperty({ type: String, example: '1.4.0', description: 'The version that they go back to' })
  firmware_version!: string;

  @ApiProperty({ type: Number, example: 170, description: 'Printers that run the bad version' })
  printers!: number;

  @ApiProperty({ type: Number, example: 150 })
  online!: number;

  @ApiProperty({ type: Number, example: 20 })
  offline!: number;

  @ApiProperty({
    type: Number,
    example: 3,
    description:
      'More printers that are about to run the bad version (their update is in progress, or they have reported it and are rebooting): they are moved back if they reconnect with it',
  })
  under_way!: number;

  @ApiProperty({
    type: Number,
    example: 2,
    description:
      'How many of these have no known older version: with `previous`, they go back to the most common destination of the others',
  })
  unknown!: number;

  @ApiProperty({ type: Number, example: 1, description: OPTED_OUT })
  opted_out!: number;
}

/** An older binary that is needed and is not available. */
export class MissingBuildResponse {
  @ApiProperty({ type: String, nullable: true, example: '1.4.0' })
  firmware_version!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: 'esp32',
    description: 'null if it does not concern one platform',
  })
  platform!: string | null;

  @ApiProperty({ enum: Object.keys(MISSING_REASONS), example: 'no_build_for_platform' })
  reason!: MissingReason;

  @ApiProperty({
    type: String,
    example: MISSING_REASONS.no_build_for_platform,
    description: 'The reason in words',
  })
  description!: string;

  @ApiProperty({ type: Number, example: 12 })
  printers!: number;
}

/** A rollout that a rollback would cancel. */
export class CancelledRolloutResponse {
  @ApiProperty({ type: Number, example: 41 })
  id!: number;

  @ApiProperty({ type: String, nullable: true, example: 'October, first floor' })
  name!: string | null;

  @ApiProperty({ enum: ROLLOUT_STATUSES, example: 'active' })
  status!: RolloutStatus;
}

/** A newer version that is being rolled back to this one, and would be rolled back further. */
export class FurtherRollbackResponse {
  @ApiProperty({ type: String, example: '1.6.0' })
  firmware_version!: string;

  @ApiProperty({
    type: String,
    example: '1.4.0',
    description: 'The version that its printers would go back to',
  })
  to!: string;

  @ApiProperty({ type: Number, example: 12, description: 'Printers that still run it' })
  printers!: number;
}

/** What a rollback would do at this moment. */
export class RollbackPreviewResponse {
  @ApiProperty({ type: String, example: '1.5.0' })
  firmware_version!: string;

  @ApiProperty({ type: String, example: 'previous' })
  to!: string;

  @ApiProperty({ type: Number, example: 178, description: 'Printers that run the version' })
  printers!: number;

  @ApiProperty({ type: Number, example: 150 })
  online!: number;

  @ApiProperty({ type: Number, example: 28 })
  offline!: number;

  @ApiProperty({ type: Number, example: 3, description: 'More printers that are about to run it' })
  under_way!: number;

  @ApiProperty({ type: Number, example: 1, description: OPTED_OUT })
  opted_out!: number;

  @ApiProperty({ type: [RollbackGroupResponse], description: 'Highest version first' })
  by_version!: RollbackGroupResponse[];

  @ApiProperty({ type: [CancelledRolloutResponse], description: 'Newest first' })
  cancels!: CancelledRolloutResponse[];

  @ApiProperty({ type: Boolean, example: true, description: 'The version would be deprecated' })
  deprecates!: boolean;

  @ApiProperty({
    type: [FurtherRollbackResponse],
    description:
      'Newer versions that are being rolled back to this one: their printers would be moved further back',
  })
  also_rolls_back!: FurtherRollbackResponse[];

  @ApiProperty({
    type: [MissingBuildResponse],
    description: 'Why the rollback would be refused; empty if it would be accepted',
  })
  missing!: MissingBuildResponse[];

  @ApiProperty({
    type: Number,
    nullable: true,
    example: null,
    description: 'The existing rollback of the version',
  })
  rollback_id!: number | null;
}

/** Maps a preview to its response. */
export function toRollbackPreviewResponse(preview: RollbackPreview): RollbackPreviewResponse {
  const { request, running, groups, optedOut, cancels, existing, further } = preview;
  const missing = [preview, ...further].flatMap((plan) => plan.missing);
  return {
    firmware_version: request.version,
    to: request.to,
    printers: running.printers,
    online: running.online,
    offline: running.printers - running.online,
    under_way: running.underWay,
    opted_out: optedOut.reduce((sum, printers) => sum + printers, 0),
    by_version: groups.map((group, index) => toGroupResponse(group, optedOut[index] ?? 0)),
    cancels: cancels.map(({ id, name, status }) => ({ id, name, status })),
    deprecates: request.deprecate,
    also_rolls_back: further.map(({ version, to, running: { printers } }) => ({
      firmware_version: version,
      to,
      printers,
    })),
    missing: missing.map(toMissingResponse),
    rollback_id: existing?.id ?? null,
  };
}

function toGroupResponse(group: RollbackGroup, optedOut: number): RollbackGroupResponse {
  const { version, printers, online, underWay, unknown } = group;
  return {
    firmware_version: version,
    printers,
    online,
    offline: printers - online,
    under_way: underWay,
    unknown,
    opted_out: optedOut,
  };
}

function toMissingResponse(missing: MissingBuild): MissingBuildResponse {
  const { version, platform, reason, printers } = missing;
  return { firmware_version: version, platform, reason, description: describeMissing(missing), printers };
}
