import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { FieldProblem, Problem, problem } from './problem.dto.js';

/** Documents an error response: a problem with an example detail. */
export function ApiProblem(
  status: number,
  description: string,
  detail: string,
  field?: FieldProblem,
): MethodDecorator {
  const example = problem(status, detail);
  return applyDecorators(
    ApiExtraModels(Problem, FieldProblem),
    ApiResponse({
      status,
      description,
      content: {
        'application/problem+json': {
          schema: { $ref: getSchemaPath(Problem) },
          example: field ? { ...example, errors: [field] } : example,
        },
      },
    }),
  );
}

/** Documents the response to bad input, with one field as the example. */
export function ApiBadInput(field: string, value: unknown, message: string): MethodDecorator {
  const detail = `${message} (got ${JSON.stringify(value)})`;
  return ApiProblem(400, 'Bad input; `errors` names each field', detail, { field, value, message });
}
