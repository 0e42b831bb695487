import { ApiProperty } from '@nestjs/swagger';
import { CHANNELS } from '../common/channel.js';
import type { Channel } from '../common/channel.js';
import type { Firmware } from './firmware.entity.js';

/** A firmware build in a response. */
export class FirmwareResponse {
  @ApiProperty({ type: Number, example: 42 })
  id!: number;

  @ApiProperty({ type: String, example: '1.5.0' })
  version!: string;

  @ApiProperty({ enum: CHANNELS, example: 'stable' })
  channel!: Channel;

  @ApiProperty({ type: String, nullable: true, example: null, description: 'null fits every board' })
  platform!: string | null;

  @ApiProperty({ type: Number, example: 1048576, description: 'In bytes' })
  file_size!: number;

  @ApiProperty({ type: String, example: '5d41402abc4b2a76b9719d911017c592' })
  md5_checksum!: string;

  @ApiProperty({ type: String, example: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824' })
  sha256_checksum!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    example: null,
    description: 'Detached Ed25519 signature over the exact bytes of the binary, base64',
  })
  signature!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: null,
    description: 'Fingerprint of the signing key that the signature was verified with',
  })
  signing_key_fingerprint!: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'Bug fixes and improvements' })
  release_notes!: string | null;

  @ApiProperty({ type: String, nullable: true, example: null })
  changelog!: string | null;

  @ApiProperty({ type: Boolean, example: false })
  mandatory!: boolean;

  @ApiProperty({ type: String, nullable: true, example: '1.0.0' })
  min_upgrade_version!: string | null;

  @ApiProperty({ type: String, format: 'date-time', example: '2025-01-15T10:30:00.000Z' })
  released_at!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  deprecated_at!: string | null;

  @ApiProperty({
    type: Boolean,
    example: false,
    description:
      'The binary is missing or damaged on disk, and is not offered until the same file is uploaded again',
  })
  damaged!: boolean;

  @ApiProperty({ type: Number, example: 0, description: 'Downloads that delivered the last byte' })
  download_count!: number;

  @ApiProperty({
    type: Number,
    example: 0,
    description: 'Updates that completed; a retried update counts again',
  })
  success_count!: number;

  @ApiProperty({
    type: Number,
    example: 0,
    description:
      'Updates that failed; a retried update counts again, so this can exceed the number of printers',
  })
  failure_count!: number;
}

/** A firmware build that was just uploaded. */
export class UploadResponse extends FirmwareResponse {
  @ApiProperty({
    type: [String],
    example: ['No printer has the platform esp23; printers have esp32, esp8266'],
    description: 'Unusual things about the upload, which was still accepted',
  })
  warnings!: string[];
}

/**
 * Maps a row to its response. Every field is named, so that a new column never leaks by itself.
 *
 * @param damaged whether its binary is missing or damaged on disk
 */
export function toFirmwareResponse(row: Firmware, damaged: boolean): FirmwareResponse {
  return {
    id: row.id,
    version: row.version,
    channel: row.channel,
    platform: row.platform === '' ? null : row.platform,
    file_size: row.fileSize,
    md5_checksum: row.md5,
    sha256_checksum: row.sha256,
    signature: row.signature,
    signing_key_fingerprint: row.signingKeyFingerprint,
    release_notes: row.releaseNotes,
    changelog: row.changelog,
    mandatory: row.mandatory,
    min_upgrade_version: row.minUpgradeVersion,
    released_at: row.releasedAt.toISOString(),
    deprecated_at: row.deprecatedAt?.toISOString() ?? null,
    damaged,
    download_count: row.downloadCount,
    success_count: row.successCount,
    failure_count: row.failureCount,
  };
}
