import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsOptional, IsString, Length, Min } from 'class-validator';
import { ACTOR_KINDS } from '../common/actor.js';
import type { Actor } from '../common/actor.js';
import { ValidationError } from '../common/errors.js';
import { parseInstant } from '../common/instant.js';
import type { Page } from '../database/page.js';
import { ApiNextCursor, PageCursor, PageLimit } from '../http/page-fields.js';
import { QueryInteger } from '../http/query-fields.js';
import type { AuditEntry } from './audit-entry.entity.js';
import { ACTIONS } from './audit-log.js';
import type { Action, AuditFilter } from './audit-log.js';

const LIMITS = { default: 100, maximum: 1_000 };

/** Query of GET /api/audit. */
export class AuditQuery {
  @ApiPropertyOptional({ enum: ACTIONS })
  @IsOptional()
  @IsIn(ACTIONS)
  action?: Action;

  @ApiPropertyOptional({
    type: String,
    description: 'E.g. `rollout/3`, `firmware/1.5.0`, `printer/42`, `key/1`',
  })
  @IsOptional()
  @IsString()
  @Length(1, 300)
  subject?: string;

  @ApiPropertyOptional({ type: 'integer', description: 'Number of the key' })
  @QueryInteger()
  @IsOptional()
  @IsInt()
  @Min(1)
  key_id?: number;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Entries from this time on' })
  @IsOptional()
  @IsString()
  since?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Entries before this time' })
  @IsOptional()
  @IsString()
  until?: string;

  @PageLimit(LIMITS)
  limit = LIMITS.default;

  @PageCursor()
  cursor?: number;
}

/** The actor of a change. */
export class ActorResponse {
  @ApiProperty({
    enum: ACTOR_KINDS,
    example: 'key',
    description:
      '`key`: the holder of that key. `local`: a local user, before there was a key. `anybody`: no key is required (AUTH=none). ' +
      '`command_line`: `npm run keys`. `system`: the server itself, when a scheduled rollout starts',
  })
  kind!: Actor['kind'];

  @ApiProperty({ type: Number, nullable: true, example: 1 })
  key_id!: number | null;

  @ApiProperty({ type: String, nullable: true, example: 'Ada', description: 'The name of the key' })
  name!: string | null;
}

/** One change. */
export class AuditEntryResponse {
  @ApiProperty({ type: Number, example: 17 })
  id!: number;

  @ApiProperty({ type: String, format: 'date-time', example: '2025-01-15T10:00:00.000Z' })
  at!: string;

  @ApiProperty({ type: ActorResponse })
  actor!: ActorResponse;

  @ApiProperty({
    type: String,
    nullable: true,
    example: '192.0.2.7',
    description: 'The address that sent the request, which may be a proxy',
  })
  address!: string | null;

  @ApiProperty({ enum: ACTIONS, example: 'rollout.change' })
  action!: string;

  @ApiProperty({ type: String, example: 'rollout/3' })
  subject!: string;

  @ApiProperty({
    type: Object,
    nullable: true,
    additionalProperties: true,
    example: { rollout_percentage: 10 },
    description: 'The state before; for a change, only the fields that changed; null if it was created',
  })
  before!: Record<string, unknown> | null;

  @ApiProperty({
    type: Object,
    nullable: true,
    additionalProperties: true,
    example: { rollout_percentage: 50 },
    description: 'The state after; null if it was deleted',
  })
  after!: Record<string, unknown> | null;
}

/** A page of the log. */
export class AuditListResponse {
  @ApiProperty({ type: [AuditEntryResponse], description: 'Newest first' })
  entries!: AuditEntryResponse[];

  @ApiNextCursor()
  next_cursor!: number | null;
}

/**
 * Maps the query to a filter.
 *
 * @throws ValidationError for an invalid time
 */
export function toAuditFilter(query: AuditQuery): AuditFilter {
  return {
    action: query.action,
    subject: query.subject,
    keyId: query.key_id,
    since: toInstant('since', query.since),
    until: toInstant('until', query.until),
  };
}

/** Maps a page to its response. */
export function toAuditListResponse(page: Page<AuditEntry>): AuditListResponse {
  return { entries: page.rows.map(toEntryResponse), next_cursor: page.nextCursor };
}

function toEntryResponse(row: AuditEntry): AuditEntryResponse {
  return {
    id: row.id,
    at: row.at.toISOString(),
    actor: { kind: row.actorKind, key_id: row.keyId, name: row.keyName },
    address: row.address,
    action: row.action,
    subject: row.subject,
    before: fromJson(row.before),
    after: fromJson(row.after),
  };
}

function fromJson(text: string | null): Record<string, unknown> | null {
  return text === null ? null : (JSON.parse(text) as Record<string, unknown>);
}

function toInstant(field: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const instant = parseInstant(text);
  if (instant === null)
    throw ValidationError.field(field, text, `${field} must be a time such as 2025-01-15T10:00:00Z`);
  return instant;
}
