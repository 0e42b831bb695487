import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsOptional, IsString, Matches } from 'class-validator';
import { CHANNELS } from '../common/channel.js';
import type { Channel } from '../common/channel.js';
import { ValidationError } from '../common/errors.js';
import { ANY_PLATFORM, IsPlatform, IsVersion } from '../common/validators.js';
import { parseVersion } from '../common/version.js';
import { SIGNATURE } from '../signing/ed25519.js';
import type { FirmwareChange, FirmwareSelector, NewFirmware } from './firmware-input.js';

// Form fields are text. Python's requests sends False as "False"; HTML forms send optional fields as empty.
const FormBoolean = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => {
    const text = typeof value === 'string' ? value.toLowerCase() : value;
    if (text === 'true' || text === '1') return true;
    return text === 'false' || text === '0' ? false : value;
  });
const EmptyIsAbsent = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (value === '' ? undefined : value));

const IsSignature = (): PropertyDecorator =>
  applyDecorators(
    // A file that is sent as a form field ends with its line break.
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value)),
    Matches(SIGNATURE, { message: '$property must be the base64 of the 64 bytes of an Ed25519 signature' }),
  );

// Optional fields have their examples in the description: the explorer fills a field with its example, and would send it.

/** The form fields of an upload, except the file. */
export class UploadFirmwareDto {
  @ApiProperty({
    type: 'string',
    format: 'binary',
    description: 'The firmware binary, at most 5 MiB by default',
  })
  @IsOptional()
  file?: unknown;

  @ApiProperty({
    type: String,
    example: '1.5.0',
    description: 'Semantic version; `v1.5` and `1.5` mean `1.5.0`',
  })
  @IsVersion()
  version!: string;

  @ApiPropertyOptional({ enum: CHANNELS, default: 'stable' })
  @EmptyIsAbsent()
  @IsOptional()
  @IsIn(CHANNELS)
  channel?: Channel;

  @ApiPropertyOptional({
    type: String,
    example: '',
    description: 'The board that the build fits, e.g. `esp8266`; a build without one fits every board',
  })
  @EmptyIsAbsent()
  @IsOptional()
  @IsPlatform()
  platform?: string;

  @ApiPropertyOptional({
    type: String,
    example: '',
    description: 'A short summary, e.g. `Bug fixes and performance improvements`',
  })
  @IsOptional()
  @IsString()
  release_notes?: string;

  @ApiPropertyOptional({
    type: String,
    example: '',
    description: 'The details, e.g. `- Fixed print quality issues`',
  })
  @IsOptional()
  @IsString()
  changelog?: string;

  @ApiPropertyOptional({
    type: Boolean,
    default: false,
    description: 'A mandatory update is sent to printers with auto_update off, too',
  })
  @EmptyIsAbsent()
  @FormBoolean()
  @IsOptional()
  @IsBoolean()
  mandatory?: boolean;

  @ApiPropertyOptional({
    type: String,
    example: '',
    description: 'The lowest version that can upgrade to this one, e.g. `1.0.0`',
  })
  @EmptyIsAbsent()
  @IsOptional()
  @IsVersion()
  min_upgrade_version?: string;

  @ApiPropertyOptional({
    type: String,
    example: '',
    description:
      'Detached Ed25519 signature over the exact bytes of the file, base64. Required while signing keys are registered, otherwise refused',
  })
  @EmptyIsAbsent()
  @IsOptional()
  @IsSignature()
  signature?: string;
}

/** Maps an upload's form to the service's input. */
export function toNewFirmware(dto: UploadFirmwareDto): NewFirmware {
  return {
    version: parseVersion(dto.version),
    channel: dto.channel ?? 'stable',
    platform: toPlatform(dto.platform) ?? '',
    releaseNotes: dto.release_notes ?? null,
    changelog: dto.changelog ?? null,
    mandatory: dto.mandatory ?? false,
    minUpgradeVersion: dto.min_upgrade_version ? parseVersion(dto.min_upgrade_version) : null,
    signature: dto.signature ?? null,
  };
}

/** Maps '', which rows store for a build that fits every board, to undefined. */
export function toPlatform(platform: string | undefined): string | undefined {
  return platform === ANY_PLATFORM ? '' : platform;
}

/** Query of the endpoints that take a channel. */
export class ChannelQuery {
  @ApiPropertyOptional({ enum: CHANNELS })
  @IsOptional()
  @IsIn(CHANNELS)
  channel?: Channel;
}

/** Query of the endpoints that select rows of a version. */
export class FirmwareRowQuery extends ChannelQuery {
  @ApiPropertyOptional({
    type: String,
    description: 'A board, e.g. `esp8266`; `any` names the build for every board',
  })
  @IsOptional()
  @IsPlatform()
  platform?: string;
}

/** The version in a path. */
export class VersionParam {
  @ApiProperty({ type: String, example: '1.5.0' })
  @IsVersion()
  version!: string;
}

/** Maps path and query to a selector of rows. */
export function toSelector(param: VersionParam, query: FirmwareRowQuery): FirmwareSelector {
  return {
    version: parseVersion(param.version),
    channel: query.channel,
    platform: toPlatform(query.platform),
  };
}

/** Body of POST /api/firmware/{version}/promote. */
export class PromoteFirmwareDto {
  @ApiProperty({ enum: CHANNELS, example: 'beta', description: 'The channel that also gets the version' })
  @IsIn(CHANNELS)
  to!: Channel;
}

/** Body of PATCH /api/firmware/{version}. */
export class ChangeFirmwareDto {
  @ApiPropertyOptional({
    type: String,
    nullable: true,
    example: 'Fixes the paper sensor',
    description: 'null removes them',
  })
  @IsOptional()
  @IsString()
  release_notes?: string | null;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    example: '- Fixed the paper sensor',
    description: 'null removes them',
  })
  @IsOptional()
  @IsString()
  changelog?: string | null;

  @ApiPropertyOptional({ type: Boolean, example: false })
  @IsOptional()
  @IsBoolean()
  mandatory?: boolean;

  @ApiPropertyOptional({
    type: Boolean,
    example: true,
    description: 'A deprecated version is not offered to printers',
  })
  @IsOptional()
  @IsBoolean()
  deprecated?: boolean;

  @ApiPropertyOptional({
    type: String,
    description:
      'Detached Ed25519 signature over the exact bytes of the binary, base64: for a build from before the first signing key',
  })
  @IsOptional()
  @IsSignature()
  signature?: string | null;
}

/**
 * Maps the body to a change.
 *
 * @throws ValidationError if it changes nothing
 */
export function toFirmwareChange(dto: ChangeFirmwareDto): FirmwareChange {
  const change: FirmwareChange = {};
  if (dto.release_notes !== undefined) change.releaseNotes = dto.release_notes;
  if (dto.changelog !== undefined) change.changelog = dto.changelog;
  if (dto.mandatory != null) change.mandatory = dto.mandatory;
  if (dto.deprecated != null) change.deprecated = dto.deprecated;
  if (dto.signature != null) change.signature = dto.signature;
  if (Object.keys(change).length === 0) {
    const message = 'the body must name release_notes, changelog, mandatory, deprecated or signature';
    throw ValidationError.field('body', dto, message);
  }
  return change;
}
