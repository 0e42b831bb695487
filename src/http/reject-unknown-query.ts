import { UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { ValidationError } from '../common/errors.js';

class NoQueryGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    rejectUnknownQuery(context.switchToHttp().getRequest<Request>().query, []);
    return true;
  }
}

/**
 * Rejects query parameters that an endpoint does not have.
 *
 * @throws ValidationError naming each of them
 */
export function rejectUnknownQuery(query: Record<string, unknown>, known: readonly string[]): void {
  const unknown = Object.entries(query).filter(([field]) => !known.includes(field));
  if (unknown.length === 0) return;
  throw new ValidationError(
    unknown.map(([field, value]) => ({ field, value, message: `${field} is not a known query parameter` })),
  );
}

/** For endpoints without query parameters: rejects any, so that a typo never means "no filter". */
export const NoQuery = (): MethodDecorator => UseGuards(NoQueryGuard);
