import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { ApiParam, ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, ValidateIf } from 'class-validator';
import type { Request } from 'express';
import { CHANNELS } from '../common/channel.js';
import type { Channel } from '../common/channel.js';
import { ValidationError } from '../common/errors.js';
import { rejectUnknownQuery } from '../http/reject-unknown-query.js';
import { isDigits } from '../http/query-fields.js';
import { isUuid } from '../common/uuid.js';
import { problemsOf } from './printer-problems.js';
import type { PrinterProblem } from './printer-problems.js';
import type { Printer } from './printer.entity.js';
import type { Presence } from './presence.js';
import type { PrinterChange } from './printer-admin.service.js';

/**
 * The printer in a path, by its number or its UUID, of an endpoint without query parameters.
 */
export const PrinterKey = createParamDecorator((known: readonly string[], context: ExecutionContext) =>
  printerKeyOf(context.switchToHttp().getRequest<Request>(), known),
);

/**
 * Like `PrinterKey`, for the one endpoint that is called so often that Nest's pipes would slow it down: they run for every parameter but
 * the request itself.
 *
 * @throws ValidationError if the path has no number and no UUID, or the query has parameters that are not known
 */
export function printerKeyOf(request: Request, known: readonly string[]): number | string {
  rejectUnknownQuery(request.query, known);
  const { printer_id: key } = request.params;
  if (isUuid(key)) return key.toLowerCase();
  if (isDigits(key)) return Number(key);
  throw ValidationError.field('printer_id', key, 'printer_id must be the number or the UUID of a printer');
}

/** Documents the printer in a path. */
export const ApiPrinterKey = (): MethodDecorator =>
  ApiParam({
    name: 'printer_id',
    type: String,
    description: 'Number or UUID of the printer',
    example: '42',
  });

// Refuses null, which `IsOptional` would accept.
const IfGiven = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

/** Body of PATCH /api/printers/{printer_id}. */
export class ChangePrinterDto {
  @ApiPropertyOptional({
    type: Boolean,
    description: 'Blocks the printer: it is disconnected, and refused when it reconnects',
  })
  @IfGiven()
  @IsBoolean()
  blocked?: boolean;

  @ApiPropertyOptional({
    type: Boolean,
    description: 'true deletes the key of the printer; the next key that it sends becomes its key',
  })
  @IfGiven()
  @IsBoolean()
  reset_key?: boolean;
}

/**
 * Maps the body to a change.
 *
 * @throws ValidationError if it changes nothing
 */
export function toPrinterChange(dto: ChangePrinterDto): PrinterChange {
  if (dto.blocked === undefined && dto.reset_key === undefined)
    throw ValidationError.field('body', dto, 'body must have blocked or reset_key');
  return { blocked: dto.blocked, resetKey: dto.reset_key };
}

/** Something wrong with what a printer sends. */
export class ProblemResponse {
  @ApiProperty({ type: String, example: 'auto_update' })
  field!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    example: '1',
    description: 'The value as sent, as text and possibly shortened; null if it is a secret',
  })
  value!: string | null;

  @ApiProperty({ type: String, example: 'auto_update must be true or false' })
  message!: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    example: '2025-01-15T10:00:00.000Z',
    description: 'When the field became unusable; it has been unusable in every subscribe since',
  })
  since!: string;
}

/** What a list names a printer by. */
export class NamedPrinterResponse {
  @ApiProperty({ type: Number, example: 42 })
  id!: number;

  @ApiProperty({ type: String, format: 'uuid', example: '770e8400-e29b-41d4-a716-446655440000' })
  uuid!: string;

  @ApiProperty({ type: String, example: 'Front Desk' })
  name!: string;
}

/** A printer in a response. */
export class PrinterResponse extends NamedPrinterResponse {
  @ApiProperty({ type: String, format: 'uuid', example: '550e8400-e29b-41d4-a716-446655440000' })
  user_id!: string;

  @ApiProperty({ type: String, nullable: true, example: 'esp8266' })
  platform!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: '1.4.0',
    description: 'Reported at its last subscribe; null if that cannot be read as a version',
  })
  firmware_version!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: null,
    description: 'The version as reported, if it cannot be read; otherwise null',
  })
  reported_version!: string | null;

  @ApiProperty({ type: Boolean, example: true })
  auto_update!: boolean;

  @ApiProperty({ enum: CHANNELS, example: 'stable' })
  update_channel!: Channel;

  @ApiProperty({ type: Boolean, example: true })
  online!: boolean;

  @ApiProperty({ type: Boolean, example: false, description: 'Blocked by an operator' })
  blocked!: boolean;

  @ApiProperty({
    type: Boolean,
    example: true,
    description: 'It has sent a key, which it must send whenever it connects',
  })
  has_key!: boolean;

  @ApiProperty({ type: String, format: 'date-time', example: '2025-01-15T10:00:00.000Z' })
  last_connected!: string;

  @ApiProperty({ type: String, nullable: true, example: '192.168.1.23' })
  last_ip!: string | null;

  @ApiProperty({ type: String, format: 'date-time', example: '2025-01-01T09:00:00.000Z' })
  created_at!: string;

  @ApiProperty({
    type: [ProblemResponse],
    description: 'The unusable fields of its last subscribe; empty once a subscribe has none',
  })
  problems!: ProblemResponse[];
}

/** Maps what names a printer. */
export function toNamedPrinterResponse({
  id,
  uuid,
  name,
}: Pick<Printer, 'id' | 'uuid' | 'name'>): NamedPrinterResponse {
  return { id, uuid, name };
}

/** Maps a row to its response. */
export function toPrinterResponse(row: Printer, presence: Presence): PrinterResponse {
  return {
    ...toNamedPrinterResponse(row),
    user_id: row.userId,
    platform: row.platform,
    firmware_version: row.firmwareVersion,
    reported_version: row.reportedVersion,
    auto_update: row.autoUpdate,
    update_channel: row.updateChannel,
    online: presence.isOnline(row.id),
    blocked: row.blocked,
    has_key: row.keyHash !== null,
    last_connected: row.lastConnected.toISOString(),
    last_ip: row.lastIp,
    created_at: row.createdAt.toISOString(),
    problems: problemsOf(row.problems).map(toProblemResponse),
  };
}

function toProblemResponse({ field, value, message, since }: PrinterProblem): ProblemResponse {
  return { field, value, message, since: since.toISOString() };
}
