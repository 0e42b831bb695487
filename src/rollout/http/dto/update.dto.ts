import { ApiProperty } from '@nestjs/swagger';
import { PageLimit } from '../../../http/page-fields.js';
import { TARGET_STATUSES } from '../../rules/status.js';
import type { TargetStatus } from '../../rules/status.js';
import type { History, PastUpdate, PendingUpdate } from '../../insight/update-history.js';
import type { PrinterUpdate } from '../../store/entities/printer-update.entity.js';

const LIMITS = { default: 50, maximum: 1_000 };

/** Query of GET /api/printers/{printer_id}/updates. */
export class HistoryQuery {
  @PageLimit(LIMITS)
  limit = LIMITS.default;
}

/** What has become of one update. */
export class UpdateStateResponse {
  @ApiProperty({
    type: Number,
    nullable: true,
    example: 123,
    description: 'null while it is pending, because it is computed and not stored yet',
  })
  id!: number | null;

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
    description: 'When it ended, whatever the outcome',
  })
  completed_at!: string | null;

  @ApiProperty({
    type: Number,
    nullable: true,
    minimum: -1,
    maximum: 100,
    example: 100,
    description: '-1 means an error',
  })
  last_percent!: number | null;

  @ApiProperty({ type: String, nullable: true, example: 'Update completed successfully' })
  last_status_message!: string | null;
}

/** One update of a printer. */
export class UpdateResponse extends UpdateStateResponse {
  @ApiProperty({ type: Number, nullable: true, example: 42, description: 'null once the rollout is deleted' })
  rollout_id!: number | null;

  @ApiProperty({ type: String, format: 'uuid', example: '770e8400-e29b-41d4-a716-446655440000' })
  printer_id!: string;

  @ApiProperty({ type: String, example: '1.5.0' })
  firmware_version!: string;
}

/** The history of a printer. */
export class HistoryResponse {
  @ApiProperty({
    type: [UpdateResponse],
    description: 'Newest first; preceded by a pending entry if an update is due and has not been sent yet',
  })
  updates!: UpdateResponse[];
}

/** Maps a history to its response. */
export function toHistoryResponse({ printer, pending, updates }: History): HistoryResponse {
  const entries = updates.map((update) => toUpdateResponse(update, printer.uuid));
  if (pending === null) return { updates: entries };
  const top = { ...toUpdateStateResponse(null), ...toSubject(pending, printer.uuid) };
  return { updates: [top, ...entries] };
}

/** Maps an update to its response. */
export function toUpdateResponse(update: PastUpdate, printerUuid: string): UpdateResponse {
  return { ...toUpdateStateResponse(update), ...toSubject(update, printerUuid) };
}

/** Maps the state of an update; null: it is pending. */
export function toUpdateStateResponse(update: Omit<PrinterUpdate, 'rolloutId'> | null): UpdateStateResponse {
  return {
    id: update?.id ?? null,
    status: update?.status ?? 'pending',
    error_message: update?.errorMessage ?? null,
    started_at: update?.startedAt.toISOString() ?? null,
    completed_at: update?.completedAt?.toISOString() ?? null,
    last_percent: update?.lastPercent ?? null,
    last_status_message: update?.lastStatusMessage ?? null,
  };
}

function toSubject(
  { rolloutId, version }: PastUpdate | PendingUpdate,
  printerUuid: string,
): Omit<UpdateResponse, keyof UpdateStateResponse> {
  return { rollout_id: rolloutId, printer_id: printerUuid, firmware_version: version };
}
