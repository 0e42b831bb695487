import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { CHANNELS } from '../../../common/channel.js';
import type { Channel } from '../../../common/channel.js';
import { ValidationError } from '../../../common/errors.js';
import type { FieldError } from '../../../common/errors.js';
import { IsUuid, IsVersion } from '../../../common/validators.js';
import { parseVersion, versionKey } from '../../../common/version.js';
import { parseInstant } from '../../../common/instant.js';
import { RolloutName, RolloutNote, textOrNull } from './rollout-texts.js';
import type { NewRollout, RolloutTarget } from '../../campaign/rollout-draft.js';
import { ROLLOUT_TYPES } from '../../store/entities/rollout.entity.js';
import type { RolloutType } from '../../store/entities/rollout.entity.js';

const AT_MOST = 'At most 10,000, or `MAX_TARGET_IDS` of the server';
/** An optional list of UUIDs, never empty; `toNewRollout` checks its length. */
const UuidList = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ type: [String], format: 'uuid', nullable: true, description: AT_MOST }),
    IsOptional(),
    IsArray(),
    ArrayNotEmpty(),
    IsUuid({ each: true }),
  );

/** Which printers a rollout targets. */
export class TargetDto {
  @ApiPropertyOptional({ type: Boolean, example: true, description: 'Every printer' })
  @IsOptional()
  @IsBoolean()
  all?: boolean | null;

  @UuidList()
  user_ids?: string[] | null;

  @UuidList()
  printer_ids?: string[] | null;

  @ApiPropertyOptional({
    enum: CHANNELS,
    isArray: true,
    nullable: true,
    example: ['stable'],
    description: 'Alone, or narrowing one of the others',
  })
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @IsIn(CHANNELS, { each: true })
  channels?: Channel[] | null;

  @ApiPropertyOptional({ type: String, nullable: true, example: '1.0.0', description: 'Inclusive' })
  @IsOptional()
  @IsVersion()
  min_version?: string | null;

  @ApiPropertyOptional({ type: String, nullable: true, example: '1.4.0', description: 'Inclusive' })
  @IsOptional()
  @IsVersion()
  max_version?: string | null;
}

/** Body of POST /api/rollouts. */
export class CreateRolloutDto {
  @ApiProperty({ type: String, example: '1.5.0' })
  @IsVersion()
  firmware_version!: string;

  @ApiProperty({ type: TargetDto, example: { printer_ids: ['00000000-0000-0000-0000-000000000000'] } })
  @IsObject()
  @ValidateNested()
  @Type(() => TargetDto)
  target!: TargetDto;

  @ApiProperty({ enum: ROLLOUT_TYPES, example: 'gradual' })
  @IsIn(ROLLOUT_TYPES)
  rollout_type!: RolloutType;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 100,
    nullable: true,
    example: 20,
    description: 'Required for gradual, allowed for scheduled (else 100), refused for immediate unless 100',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(100)
  rollout_percentage?: number | null;

  @ApiPropertyOptional({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Required for scheduled, refused for the others; UTC if it has no offset',
  })
  @IsOptional()
  @IsString()
  scheduled_for?: string | null;

  @ApiPropertyOptional({
    type: Boolean,
    default: false,
    nullable: true,
    example: false,
    description: 'Moves printers with a newer version, too',
  })
  @IsOptional()
  @IsBoolean()
  allow_downgrade?: boolean | null;

  @RolloutName()
  name?: string | null;

  @RolloutNote()
  note?: string | null;
}

/**
 * Maps a new rollout, and checks the rules that involve several fields.
 *
 * @param maxIds maximum number of printers or users listed
 * @throws ValidationError naming every field that contradicts another one
 */
export function toNewRollout(dto: CreateRolloutDto, maxIds: number): NewRollout {
  const errors: FieldError[] = [];
  const scheduledFor = toScheduledFor(dto, errors);
  const percentage = toPercentage(dto, errors);
  const target = toTarget(dto.target, maxIds, errors);
  if (errors.length > 0) throw new ValidationError(errors);
  return {
    version: parseVersion(dto.firmware_version),
    target,
    type: dto.rollout_type,
    percentage,
    scheduledFor,
    allowDowngrade: dto.allow_downgrade ?? false,
    name: textOrNull(dto.name),
    note: textOrNull(dto.note),
  };
}

function toScheduledFor(dto: CreateRolloutDto, errors: FieldError[]): Date | null {
  const value = dto.scheduled_for;
  const refuse = (message: string): null => {
    errors.push({ field: 'scheduled_for', value, message });
    return null;
  };
  if (dto.rollout_type !== 'scheduled') {
    return isAbsent(value) ? null : refuse('scheduled_for goes only with rollout_type scheduled');
  }
  if (isAbsent(value)) return refuse('scheduled_for is required for a scheduled rollout');
  return parseInstant(value) ?? refuse('scheduled_for must be an ISO 8601 time such as 2025-01-20T02:00:00Z');
}

function toPercentage(dto: CreateRolloutDto, errors: FieldError[]): number {
  const value = dto.rollout_percentage;
  const field = 'rollout_percentage';
  if (dto.rollout_type === 'gradual' && isAbsent(value)) {
    errors.push({ field, value, message: 'rollout_percentage is required for a gradual rollout' });
  }
  if (dto.rollout_type === 'immediate' && !isAbsent(value) && value !== 100) {
    errors.push({ field, value, message: 'rollout_percentage of an immediate rollout can only be 100' });
  }
  return value ?? 100;
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

function toTarget(dto: TargetDto, maxIds: number, errors: FieldError[]): RolloutTarget {
  // A longer list would be sent, parsed and stored with every rollout; channels are meant for that.
  for (const name of ['user_ids', 'printer_ids'] as const) {
    const value = dto[name] ?? [];
    const message = `target.${name} must list at most ${maxIds} ids, not ${value.length}`;
    if (value.length > maxIds) errors.push({ field: `target.${name}`, value, message });
  }
  const methods = [
    ...(dto.all ? ['all'] : []),
    ...(dto.user_ids ? ['user_ids'] : []),
    ...(dto.printer_ids ? ['printer_ids'] : []),
  ];
  if (methods.length > 1) {
    errors.push({
      field: 'target',
      value: dto,
      message: `target must name one of ${methods.join(' and ')}, not both`,
    });
  }
  const message = 'target must name one of all, user_ids, printer_ids or channels';
  if (methods.length === 0 && !dto.channels) errors.push({ field: 'target', value: dto, message });
  const minVersion = dto.min_version ? parseVersion(dto.min_version) : null;
  const maxVersion = dto.max_version ? parseVersion(dto.max_version) : null;
  if (minVersion && maxVersion && versionKey(minVersion) > versionKey(maxVersion)) {
    const message = `target.min_version must not be above target.max_version ${maxVersion}`;
    errors.push({ field: 'target.min_version', value: dto.min_version, message });
  }
  return {
    all: dto.all ?? false,
    userIds: distinctIds(dto.user_ids),
    printerIds: distinctIds(dto.printer_ids),
    channels: dto.channels ? [...new Set(dto.channels)] : null,
    minVersion,
    maxVersion,
  };
}

function distinctIds(ids: readonly string[] | null | undefined): string[] | null {
  return ids ? [...new Set(ids.map((id) => id.toLowerCase()))] : null;
}
