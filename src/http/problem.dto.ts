import { STATUS_CODES } from 'node:http';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

/** What is wrong with one field. */
export class FieldProblem {
  @ApiProperty({ type: String, example: 'rollout_percentage', description: 'Path of the field' })
  field!: string;

  @ApiProperty({
    description: 'The rejected value',
    example: 150,
    anyOf: [
      { type: 'string', nullable: true },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'object', additionalProperties: true },
      { type: 'array', items: {} },
    ],
  })
  value!: unknown;

  @ApiProperty({ type: String, example: 'rollout_percentage must not be greater than 100' })
  message!: string;
}

/** An error as RFC 9457 problem details (`application/problem+json`). */
export class Problem {
  @ApiProperty({
    type: String,
    example: 'about:blank',
    description: '`about:blank`: the status tells the kind of problem (RFC 9457 §4.2.1)',
  })
  type!: string;

  @ApiProperty({ type: String, example: 'Bad Request' })
  title!: string;

  @ApiProperty({ type: Number, example: 400 })
  status!: number;

  @ApiProperty({ type: String, example: 'rollout_percentage must not be greater than 100 (got 150)' })
  detail!: string;

  @ApiPropertyOptional({ type: [FieldProblem], description: 'Only for bad input (400): one entry per field' })
  errors?: FieldProblem[];
}

/** Builds the problem for a status. */
export function problem(status: number, detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
}
