import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsNumber, IsOptional, Max, Min } from 'class-validator';
import { CHANNELS } from '../common/channel.js';
import type { Channel } from '../common/channel.js';
import { ValidationError } from '../common/errors.js';
import { IsVersion } from '../common/validators.js';
import { parseVersion } from '../common/version.js';
import type { VirtualPrinter } from '../simulator/virtual-printer.js';
import { MAX_PRINTERS } from './simulated-fleet.js';
import type { NewPrinters } from './simulated-fleet.js';

const USUAL_VERSION = '1.4.0';

/** Body of POST /api/simulator. */
export class AddPrintersDto {
  @ApiProperty({ type: 'integer', minimum: 1, maximum: MAX_PRINTERS, example: 20 })
  @IsInt()
  @Min(1)
  @Max(MAX_PRINTERS)
  printers!: number;

  @ApiPropertyOptional({
    type: String,
    default: USUAL_VERSION,
    example: USUAL_VERSION,
    description: 'Their initial version',
  })
  @IsOptional()
  @IsVersion()
  version?: string;

  @ApiPropertyOptional({ enum: CHANNELS, default: 'stable' })
  @IsOptional()
  @IsIn(CHANNELS)
  channel?: Channel;

  @ApiPropertyOptional({
    type: Number,
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'Share that fails to install an update',
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(1)
  fail?: number;

  @ApiPropertyOptional({
    type: Number,
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'Share that declines it',
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(1)
  decline?: number;

  @ApiPropertyOptional({
    type: Number,
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'Share that accepts it, then goes silent',
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(1)
  hang?: number;

  @ApiPropertyOptional({
    type: Number,
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'Share that installs it, then reconnects with the old version',
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(1)
  roll_back?: number;
}

/**
 * Maps the body to the printers to add.
 *
 * @throws ValidationError if the shares add up to more than 1
 */
export function toNewPrinters(dto: AddPrintersDto): NewPrinters {
  const { fail = 0, decline = 0, hang = 0, roll_back: rollBack = 0 } = dto;
  // Shares that add up to exactly 1 may exceed it in binary.
  if (fail + decline + hang + rollBack > 1 + 1e-9)
    throw ValidationError.field(
      'fail',
      fail,
      'fail, decline, hang and roll_back must not be more than 1 together',
    );
  return {
    printers: dto.printers,
    version: parseVersion(dto.version ?? USUAL_VERSION),
    channel: dto.channel ?? 'stable',
    failing: fail,
    declining: decline,
    hanging: hang,
    rollingBack: rollBack,
  };
}

const STATES = ['offline', 'online', 'updating'] as const;

/** A virtual printer. */
export class SimulatedPrinterResponse {
  @ApiProperty({ type: String, format: 'uuid', example: '770e8400-e29b-41d4-a716-446655440000' })
  uuid!: string;

  @ApiProperty({ type: String, example: 'Virtual printer 1' })
  name!: string;

  @ApiProperty({
    enum: STATES,
    example: 'updating',
    description: '`offline`: not connected, for example while it reboots after an update',
  })
  state!: (typeof STATES)[number];

  @ApiProperty({ type: String, example: '1.4.0', description: 'The version that it runs' })
  firmware_version!: string;

  @ApiProperty({
    type: Number,
    nullable: true,
    example: 50,
    description: 'Progress of its update; null if none is in progress',
  })
  percent!: number | null;
}

/** The virtual printers inside the server. */
export class SimulatorResponse {
  @ApiProperty({ type: [SimulatedPrinterResponse] })
  printers!: SimulatedPrinterResponse[];

  @ApiProperty({ type: Number, example: MAX_PRINTERS, description: 'Maximum number of virtual printers' })
  limit!: number;
}

/** Maps the printers to the response. */
export function toSimulatorResponse(printers: readonly VirtualPrinter[]): SimulatorResponse {
  return { printers: printers.map(toPrinter), limit: MAX_PRINTERS };
}

function toPrinter({ options, subscribed, version, percent }: VirtualPrinter): SimulatedPrinterResponse {
  return {
    uuid: options.uuid,
    name: options.name,
    state: percent !== null ? 'updating' : subscribed ? 'online' : 'offline',
    firmware_version: version,
    percent,
  };
}
