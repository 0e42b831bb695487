import { UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { Invalid } from './errors.js';

class NoQueryGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const unknown = Object.entries(context.switchToHttp().getRequest<Request>().query);
    if (unknown.length === 0) return true;
    throw new Invalid(
      unknown.map(([field, value]) => ({ field, value, message: `${field} is not a known query parameter` })),
    );
  }
}

/** For endpoints without query parameters: refuses any, so that a typo never means "no filter". */
export const NoQuery = (): MethodDecorator => UseGuards(NoQueryGuard);
