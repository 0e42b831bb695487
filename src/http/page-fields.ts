import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { QueryInteger } from './query-fields.js';

/** The query parameter `limit`: the maximum number of rows on a page. Initialize the field with the default. */
export const PageLimit = (limits: { default: number; maximum: number }): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: limits.maximum, default: limits.default }),
    QueryInteger(),
    IsOptional(),
    IsInt(),
    Min(1),
    Max(limits.maximum),
  );

/** The query parameter `cursor` of a list that is paged by number. */
export const PageCursor = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ type: 'integer', minimum: 0, description: '`next_cursor` of the page before' }),
    QueryInteger(),
    IsOptional(),
    IsInt(),
    Min(0),
  );

/** Documents `next_cursor` in the response of a list that is paged by number. */
export const ApiNextCursor = (): PropertyDecorator =>
  ApiProperty({
    type: Number,
    nullable: true,
    example: null,
    description: '`cursor` of the next page; null on the last one',
  });
