import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { QueryInteger } from '../../http/query-fields.js';
import type { FleetSeries, FleetPoint } from './fleet-history.js';

const DEFAULT_HOURS = 24;
const MAX_HOURS = 2 * 365 * 24;

/** Query of GET /api/fleet/history. */
export class FleetHistoryQuery {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: MAX_HOURS,
    default: DEFAULT_HOURS,
    description:
      'How many hours to go back: up to 24 with one point every five minutes, up to 720 with one an hour, beyond that with one a day',
  })
  @QueryInteger()
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_HOURS)
  hours: number = DEFAULT_HOURS;
}

/** What the fleet ran at one moment. */
export class FleetPointResponse {
  @ApiProperty({ type: String, format: 'date-time', example: '2025-01-15T10:00:00.000Z' })
  at!: string;

  @ApiProperty({ type: Number, example: 120 })
  online!: number;

  @ApiProperty({ type: [Number], example: [100, 50], description: 'In the order of `versions`' })
  printers!: number[];
}

/** What the fleet ran over time. */
export class FleetHistoryResponse {
  @ApiProperty({
    type: [String],
    example: ['1.5.0', '1.4.0'],
    description: 'Highest first; if there are more than twenty, the last one is `other`',
  })
  versions!: string[];

  @ApiProperty({ type: [FleetPointResponse], description: 'Oldest first; the last is the present' })
  points!: FleetPointResponse[];
}

/** Maps a history to its response. */
export function toFleetHistoryResponse({ versions, points }: FleetSeries): FleetHistoryResponse {
  return { versions, points: points.map((point) => toPoint(point, versions)) };
}

function toPoint({ at, online, printers }: FleetPoint, versions: readonly string[]): FleetPointResponse {
  return { at: at.toISOString(), online, printers: versions.map((version) => printers.get(version) ?? 0) };
}
