import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { IsText } from '../../../common/validators.js';

// Lengths in code points.
const MAX_NAME = 100;
const MAX_NOTE = 2_000;

/** The name of a rollout in a request. */
export const RolloutName = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      type: String,
      nullable: true,
      maxLength: MAX_NAME,
      example: 'October, first floor',
      description: 'What operators call it; empty or null for none',
    }),
    IsOptional(),
    IsText(MAX_NAME),
  );
/** The note of a rollout in a request. */
export const RolloutNote = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      type: String,
      nullable: true,
      maxLength: MAX_NOTE,
      example: 'Watch the esp32 boards',
      description: 'Empty or null for none',
    }),
    IsOptional(),
    IsText(MAX_NOTE),
  );

/** An empty text becomes null. */
export function textOrNull(text: string | null | undefined): string | null {
  return text === undefined || text === '' ? null : text;
}
