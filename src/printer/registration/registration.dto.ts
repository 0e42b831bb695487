import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import type { CountedPage } from '../../database/page.js';
import { ApiNextCursor, PageCursor, PageLimit } from '../../http/page-fields.js';
import { IsUuid } from '../../common/validators.js';
import { REGISTRATION_STATUSES } from './registration.entity.js';
import type { Registration, RegistrationStatus } from './registration.entity.js';

/** The printer in a path. */
export class RegistrationParam {
  @ApiProperty({ type: String, format: 'uuid', description: 'The printer' })
  @IsUuid()
  printer_id!: string;
}

const LIMITS = { default: 1_000, maximum: 1_000 };

/** Query of GET /api/registrations. */
export class ListRegistrationsQuery {
  @ApiPropertyOptional({ enum: REGISTRATION_STATUSES })
  @IsOptional()
  @IsIn(REGISTRATION_STATUSES)
  status?: RegistrationStatus;

  @PageLimit(LIMITS)
  limit = LIMITS.default;

  @PageCursor()
  cursor?: number;
}

/** Body of PATCH /api/registrations/{printer_id}. */
export class DecideRegistrationDto {
  @ApiProperty({ enum: REGISTRATION_STATUSES, example: 'accepted' })
  @IsIn(REGISTRATION_STATUSES)
  status!: RegistrationStatus;
}

/** A printer that has asked to be registered. */
export class RegistrationResponse {
  @ApiProperty({ type: String, format: 'uuid' })
  printer_id!: string;

  @ApiProperty({ enum: REGISTRATION_STATUSES, example: 'pending' })
  status!: RegistrationStatus;

  @ApiProperty({ type: String, example: 'Front Desk' })
  printer_name!: string;

  @ApiProperty({ type: String, format: 'uuid', description: 'The owner, as the printer reports it' })
  user_id!: string;

  @ApiProperty({ type: String, nullable: true, example: 'esp8266' })
  platform!: string | null;

  @ApiProperty({
    type: Boolean,
    description: 'True if it sent an api_key, which it must then keep using',
  })
  has_key!: boolean;

  @ApiProperty({ type: String, example: '192.0.2.7', description: 'Where it connected from' })
  address!: string;

  @ApiProperty({ type: String, format: 'date-time', example: '2025-01-15T10:00:00.000Z' })
  requested_at!: string;
}

/** One page of registration requests. */
export class RegistrationListResponse {
  @ApiProperty({ type: [RegistrationResponse], description: 'Newest first' })
  registrations!: RegistrationResponse[];

  @ApiProperty({ type: Number, example: 3, description: 'Number of all matches on all pages' })
  total!: number;

  @ApiNextCursor()
  next_cursor!: number | null;
}

/** Maps a row to its response. */
export function toRegistrationResponse(row: Registration): RegistrationResponse {
  return {
    printer_id: row.uuid,
    status: row.status,
    printer_name: row.name,
    user_id: row.userId,
    platform: row.platform,
    has_key: row.keyHash !== null,
    address: row.address,
    requested_at: row.requestedAt.toISOString(),
  };
}

/** Maps a page to its response. */
export function toRegistrationListResponse(page: CountedPage<Registration>): RegistrationListResponse {
  return {
    registrations: page.rows.map(toRegistrationResponse),
    total: page.total,
    next_cursor: page.nextCursor,
  };
}
