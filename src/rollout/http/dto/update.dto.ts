import { ApiProperty } from '@nestjs/swagger';
import { PageLimit } from '../../../http/page-fields.js';
import { TARGET_STATUSES } from '../../rules/status.js';
import type { TargetStatus } from '../../rules/status.js';
import type { History, PastUpdate, PendingUpdate } from '../../insight/update-history.js';

const LIMITS = { default: 50, maximum: 1_000 };

/** Query of GET /api/printers/{printer_id}/updates. */
export class HistoryQuery {
  @PageLimit(LIMITS)
  limit = LIMITS.default;
}

/** One update of a printer, as it is answered. */
export class UpdateResponse {
  @ApiProperty({
    type: Number,
    nullable: true,
    example: 123,
    description: 'null for the pending entry: it is computed',
  })
  id!: number | null;

  @ApiProperty({ type: Number, nullable: true, example: 42, description: 'null once the rollout is deleted' })
  rollout_id!: number | null;

  @ApiProperty({ type: String, format: 'uuid', example: '770e8400-e29b-41d4-a716-446655440000' })
  printer_id!: string;

  @ApiProperty({ type: String, example: '1.5.0' })
  firmware_version!: string;

  @ApiProperty({ enum: TARGET_STATUSES, example: 'completed' })
  status!: TargetStatus;

  @ApiProperty({ type: String, nullable: true, example: null, description: 'Why it failed or was declined' })
  error_message!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2025-01-15T10:05:00.000Z' })
  started_at!: string | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    example: '2025-01-15T10:07:30.000Z',
    description: 'When it ended, in whatever way',
  })
  completed_at!: string | null;

  @ApiProperty({
    type: Number,
    nullable: true,
    minimum: -1,
    maximum: 100,
    example: 100,
    description: '-1: an error',
  })
  last_percent!: number | null;

  @ApiProperty({ type: String, nullable: true, example: 'Update completed successfully' })
  last_status_message!: string | null;
}

/** The history of a printer. */
export class HistoryResponse {
  @ApiProperty({
    type: [UpdateResponse],
    description: 'The newest first; on top a pending entry, where a rollout is due and has not been sent yet',
  })
  updates!: UpdateResponse[];
}

/** Maps a history to its answer. */
export function toHistoryResponse({ printer, pending, updates }: History): HistoryResponse {
  const entries = updates.map((update) => toUpdateResponse(update, printer.uuid));
  return { updates: pending ? [toPendingResponse(pending, printer.uuid), ...entries] : entries };
}

/** Maps an update to its answer. */
export function toUpdateResponse(update: PastUpdate, printerUuid: string): UpdateResponse {
  return {
    id: update.id,
    rollout_id: update.rolloutId,
    printer_id: printerUuid,
    firmware_version: update.version,
    status: update.status,
    error_message: update.errorMessage,
    started_at: update.startedAt.toISOString(),
    completed_at: update.completedAt?.toISOString() ?? null,
    last_percent: update.lastPercent,
    last_status_message: update.lastStatusMessage,
  };
}

function toPendingResponse(pending: PendingUpdate, printerUuid: string): UpdateResponse {
  return {
    id: null,
    rollout_id: pending.rolloutId,
    printer_id: printerUuid,
    firmware_version: pending.version,
    status: 'pending',
    error_message: null,
    started_at: null,
    completed_at: null,
    last_percent: null,
    last_status_message: null,
  };
}
