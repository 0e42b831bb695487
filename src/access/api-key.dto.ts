import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayNotEmpty, ArrayUnique, IsIn, IsInt, IsOptional, IsString, Length, Min } from 'class-validator';
import { ValidationError } from '../common/errors.js';
import { parseInstant } from '../common/instant.js';
import { QueryInteger } from '../http/query-fields.js';
import type { ApiKey } from './api-key.entity.js';
import type { NewApiKey } from './api-keys.js';
import { SCOPES } from '../http/scopes.js';
import type { Scope } from '../http/scopes.js';

const MAX_NAME = 100;

/** Body of POST /api/keys. */
export class CreateKeyDto {
  @ApiProperty({ type: String, example: 'build server', minLength: 1, maxLength: MAX_NAME })
  @IsString()
  @Length(1, MAX_NAME)
  name!: string;

  @ApiProperty({ enum: SCOPES, isArray: true, example: ['firmware:write'] })
  @IsIn(SCOPES, { each: true })
  @ArrayUnique()
  @ArrayNotEmpty()
  scopes!: Scope[];

  @ApiPropertyOptional({
    type: String,
    format: 'date-time',
    nullable: true,
    example: '2030-01-01T00:00:00Z',
    description: 'When the key expires; by default never',
  })
  @IsOptional()
  @IsString()
  expires_at?: string | null;
}

/** Body of POST /api/keys/claim. */
export class ClaimDto {
  @ApiProperty({
    type: String,
    example: '',
    description: 'The content of the file `claim-token` next to the database',
  })
  @IsString()
  @Length(1, 200)
  token!: string;

  @ApiProperty({ type: String, example: 'Ada', minLength: 1, maxLength: MAX_NAME })
  @IsString()
  @Length(1, MAX_NAME)
  name!: string;
}

/** The key in a path. */
export class KeyParam {
  @ApiProperty({ type: 'integer', example: 1 })
  @QueryInteger()
  @IsInt()
  @Min(1)
  key_id!: number;
}

/** A key in a response, without the key itself. */
export class KeyResponse {
  @ApiProperty({ type: Number, example: 3 })
  id!: number;

  @ApiProperty({ type: String, example: 'build server' })
  name!: string;

  @ApiProperty({ type: String, example: 'pmk_h3Kd9x', description: 'The first characters of the key' })
  prefix!: string;

  @ApiProperty({ enum: SCOPES, isArray: true, example: ['firmware:write'] })
  scopes!: string[];

  @ApiProperty({ type: String, format: 'date-time', example: '2025-01-15T10:00:00.000Z' })
  created_at!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  expires_at!: string | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    example: null,
    description: 'Accurate to the minute',
  })
  last_used_at!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  revoked_at!: string | null;
}

/** A key that was just created: the only response that contains the key itself. */
export class NewKeyResponse extends KeyResponse {
  @ApiProperty({
    type: String,
    example: 'pmk_h3Kd9xQW0v7bq1cXh2mYk8Zt5uRr4pLs6nEa0jGfTiI',
    description: 'Shown only once',
  })
  key!: string;
}

/** All keys. */
export class KeyListResponse {
  @ApiProperty({ type: [KeyResponse], description: 'Newest first' })
  keys!: KeyResponse[];
}

/**
 * Maps the body to the input for a new key.
 *
 * @throws ValidationError for a time that is invalid or has passed
 */
export function toNewApiKey(dto: CreateKeyDto, now: Date): NewApiKey {
  const expiresAt = dto.expires_at == null ? null : parseInstant(dto.expires_at);
  if (dto.expires_at != null && (expiresAt === null || expiresAt <= now))
    throw ValidationError.field('expires_at', dto.expires_at, 'expires_at must be an ISO 8601 time to come');
  return { name: dto.name, scopes: dto.scopes, expiresAt };
}

/** Maps a row to its response. */
export function toKeyResponse(row: ApiKey): KeyResponse {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes.split(' '),
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt?.toISOString() ?? null,
    last_used_at: row.lastUsedAt?.toISOString() ?? null,
    revoked_at: row.revokedAt?.toISOString() ?? null,
  };
}
