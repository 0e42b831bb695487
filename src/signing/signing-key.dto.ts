import type { KeyObject } from 'node:crypto';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsInt, IsOptional, IsString, Length, Min } from 'class-validator';
import { ValidationError } from '../common/errors.js';
import { QueryBoolean, QueryInteger } from '../http/query-fields.js';
import { InvalidPublicKeyError, readPublicKey } from './ed25519.js';
import type { SigningKey } from './signing-key.entity.js';

const MAX_NAME = 100;
const EXAMPLE_KEY =
  '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n';

/** Body of POST /api/signing-keys. */
export class CreateSigningKeyDto {
  @ApiProperty({ type: String, example: 'release 2025', minLength: 1, maxLength: MAX_NAME })
  @IsString()
  @Length(1, MAX_NAME)
  name!: string;

  @ApiProperty({
    type: String,
    example: EXAMPLE_KEY,
    description: 'An Ed25519 public key as PEM. The server never needs the private key',
  })
  @IsString()
  public_key!: string;
}

/** The signing key in a path. */
export class SigningKeyParam {
  @ApiProperty({ type: 'integer', example: 1 })
  @QueryInteger()
  @IsInt()
  @Min(1)
  key_id!: number;
}

/** Query of DELETE /api/signing-keys/{key_id}. */
export class RemoveSigningKeyQuery {
  @ApiPropertyOptional({
    type: Boolean,
    default: false,
    description: 'True also removes the last key; uploads then need no signature',
  })
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  allow_unsigned?: boolean;
}

/** A signing key in a response. */
export class SigningKeyResponse {
  @ApiProperty({ type: Number, example: 1 })
  id!: number;

  @ApiProperty({ type: String, example: 'release 2025' })
  name!: string;

  @ApiProperty({ type: String, example: EXAMPLE_KEY })
  public_key!: string;

  @ApiProperty({
    type: String,
    example: '50cba7ab75c4a13c8459d0bf72d49b0ad25ddf3c2ae0e8c1f6cf4c67d9ef7dd5',
    description:
      'SHA-256 of the key (SubjectPublicKeyInfo, DER), hexadecimal; builds refer to their key by it',
  })
  fingerprint!: string;

  @ApiProperty({ type: String, format: 'date-time', example: '2025-01-15T10:00:00.000Z' })
  created_at!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  removed_at!: string | null;
}

/** All signing keys. */
export class SigningKeyListResponse {
  @ApiProperty({ type: [SigningKeyResponse], description: 'The newest first' })
  keys!: SigningKeyResponse[];
}

/**
 * Parses the key in a body.
 *
 * @throws ValidationError if it is not an Ed25519 public key
 */
export function toPublicKey({ public_key }: CreateSigningKeyDto): KeyObject {
  try {
    return readPublicKey(public_key);
  } catch (error) {
    if (!(error instanceof InvalidPublicKeyError)) throw error;
    // An invalid public key may be a private one without its label, and responses end up in terminals and logs.
    const value = error.isPublic ? public_key : `(${public_key.length} characters, not repeated)`;
    throw ValidationError.field('public_key', value, `public_key ${error.message}`);
  }
}

/** Maps a row to its response. */
export function toSigningKeyResponse(row: SigningKey): SigningKeyResponse {
  return {
    id: row.id,
    name: row.name,
    public_key: row.publicKey,
    fingerprint: row.fingerprint,
    created_at: row.createdAt.toISOString(),
    removed_at: row.removedAt?.toISOString() ?? null,
  };
}
