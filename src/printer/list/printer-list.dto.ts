import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsOptional, IsString, Length, ValidateIf } from 'class-validator';
import { CHANNELS } from '../../common/channel.js';
import type { Channel } from '../../common/channel.js';
import { PageLimit } from '../../http/page-fields.js';
import { QueryBoolean } from '../../http/query-fields.js';
import { IsPlatform, IsUuid, IsVersion } from '../../common/validators.js';
import { UNKNOWN_VERSION, UNKNOWN_VERSION_KEY, parseVersion, versionKey } from '../../common/version.js';
import type { Presence } from '../presence.js';
import type { PrinterFilter } from './printer-filter.js';
import type { PrinterPage } from './printer-list.js';
import { ORDERS, SORTS, decodeCursor } from './printer-order.js';
import type { PrinterOrder } from './printer-order.js';
import type { Position } from './keyset.js';
import { PrinterResponse, toPrinterResponse } from '../printer.dto.js';

const LIMITS = { default: 1_000, maximum: 10_000 };
const LONGEST_SEARCH = 128;
const LONGEST_CURSOR = 2_000;

/** Query of GET /api/printers. */
export class ListPrintersQuery {
  @ApiPropertyOptional({ type: String, format: 'uuid', description: 'The owner' })
  @IsOptional()
  @IsUuid()
  user_id?: string;

  @ApiPropertyOptional({ type: Boolean })
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  online?: boolean;

  @ApiPropertyOptional({
    type: String,
    description: `E.g. \`1.4.0\`; \`${UNKNOWN_VERSION}\` finds those whose version cannot be read`,
  })
  @ValidateIf(
    ({ firmware_version }: ListPrintersQuery) =>
      firmware_version !== undefined && firmware_version !== UNKNOWN_VERSION,
  )
  @IsVersion()
  firmware_version?: string;

  @ApiPropertyOptional({ enum: CHANNELS })
  @IsOptional()
  @IsIn(CHANNELS)
  channel?: Channel;

  @ApiPropertyOptional({ type: String, description: 'The board, e.g. `esp8266`' })
  @IsOptional()
  @IsPlatform()
  platform?: string;

  @ApiPropertyOptional({ type: Boolean })
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  auto_update?: boolean;

  @ApiPropertyOptional({ type: Boolean, description: 'Blocked by an operator' })
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  blocked?: boolean;

  @ApiPropertyOptional({ type: Boolean, description: 'A field of its last subscribe could not be used' })
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  problems?: boolean;

  @ApiPropertyOptional({
    type: Boolean,
    description: 'Their latest update failed and was not retried',
  })
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  failed?: boolean;

  @ApiPropertyOptional({
    type: Boolean,
    description:
      'An update is due for them: it is in progress, has failed, was refused by the printer, or waits until they connect. With `online=true` these are the ' +
      'printers that `behind_online` of the summary counts; without it, the whole fleet is read',
  })
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  behind?: boolean;

  @ApiPropertyOptional({
    type: String,
    description:
      'A version that they are about to run: their update to it is in progress, or they have reported it and have not reconnected ' +
      'yet. These are the printers that a rollback counts as `under_way`',
  })
  @IsOptional()
  @IsVersion()
  about_to_run?: string;

  @ApiPropertyOptional({
    type: String,
    minLength: 1,
    maxLength: LONGEST_SEARCH,
    description:
      'Any part of the name, ignoring case; digits also find the printer with that number, and 8 or more characters ' +
      'the printers whose UUID begins with them',
  })
  @IsOptional()
  @IsString()
  @Length(1, LONGEST_SEARCH)
  search?: string;

  @ApiPropertyOptional({
    enum: SORTS,
    description: 'Ties are sorted by number. Default: by number, or by name if `search` is given',
  })
  @IsOptional()
  @IsIn(SORTS)
  sort?: PrinterOrder['sort'];

  @ApiPropertyOptional({ enum: ORDERS, default: 'asc' })
  @IsOptional()
  @IsIn(ORDERS)
  order?: (typeof ORDERS)[number];

  @PageLimit(LIMITS)
  limit = LIMITS.default;

  @ApiPropertyOptional({
    type: String,
    description: '`next_cursor` of the previous page, which had the same search, sort and order',
  })
  @IsOptional()
  @IsString()
  @Length(1, LONGEST_CURSOR)
  cursor?: string;
}

/**
 * Maps the query to a filter and a page.
 *
 * @throws ValidationError for a cursor of another order
 */
export function toPrinterList(query: ListPrintersQuery): {
  filter: PrinterFilter;
  order: PrinterOrder;
  limit: number;
  after: Position | null;
} {
  const order = {
    sort: query.sort ?? (query.search === undefined ? 'id' : 'name'),
    descending: query.order === 'desc',
  };
  return {
    filter: {
      userId: query.user_id?.toLowerCase(),
      online: query.online,
      versionKey: versionKeyOf(query.firmware_version),
      channel: query.channel,
      platform: query.platform,
      autoUpdate: query.auto_update,
      blocked: query.blocked,
      problems: query.problems,
      failed: query.failed,
      behind: query.behind,
      aboutToRun: query.about_to_run === undefined ? undefined : parseVersion(query.about_to_run),
      search: query.search,
    },
    order,
    limit: query.limit,
    after: decodeCursor(order, query.cursor),
  };
}

function versionKeyOf(version: string | undefined): string | undefined {
  if (version === undefined) return undefined;
  return version === UNKNOWN_VERSION ? UNKNOWN_VERSION_KEY : versionKey(parseVersion(version));
}

/** One page of printers. */
export class PrinterListResponse {
  @ApiProperty({ type: [PrinterResponse] })
  printers!: PrinterResponse[];

  @ApiProperty({ type: Number, example: 150, description: 'Number of all matches on all pages' })
  total!: number;

  @ApiProperty({
    oneOf: [{ type: 'integer', nullable: true }, { type: 'string' }],
    example: null,
    description: '`cursor` of the next page: a number if the printers are sorted by number, otherwise text',
  })
  next_cursor!: number | string | null;
}

/** Maps a page to its response. */
export function toPrinterListResponse(page: PrinterPage, presence: Presence): PrinterListResponse {
  return {
    printers: page.rows.map((row) => toPrinterResponse(row, presence)),
    total: page.total,
    next_cursor: page.nextCursor,
  };
}
