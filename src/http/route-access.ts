import { SetMetadata, applyDecorators } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import { SCOPES } from './scopes.js';
import type { Scope } from './scopes.js';

/**
 * What a route asks of a request: a key with a scope, or one of
 * - `open`: nothing (supervisors),
 * - `claim`: nothing, but attempts are counted as guesses at a key,
 * - `download`: the token of an update message, or a key of any scope,
 * - `explorer`: a key of any scope; a browser may ask its user for it,
 * - `console`: nothing, for its files hold no secret.
 */
export type RouteAccess = Scope | 'open' | 'claim' | 'download' | 'explorer' | 'console';

/** Extension of an operation in the OpenAPI document that names its access; `openapi.ts` turns it into security and answers. */
export const ACCESS_EXTENSION = 'x-route-access';

const ROUTE_ACCESS = 'paperminder:route-access';

/** Declares the scope that a key needs for a route. A route without a declaration is for admins. */
export const RequireScope = (scope: Scope): MethodDecorator => DeclareAccess(scope);

/** Declares what a route asks for instead of a key with a certain scope. */
export const DeclareAccess = (access: RouteAccess): MethodDecorator =>
  applyDecorators(SetMetadata(ROUTE_ACCESS, access), ApiExtension(ACCESS_EXTENSION, access));

/** What the handler of a route declares; undefined if it declares nothing. */
export function declaredAccess(handler: object): RouteAccess | undefined {
  return Reflect.getMetadata(ROUTE_ACCESS, handler) as RouteAccess | undefined;
}

/** True for the name of a scope. */
export function isScope(access: RouteAccess): access is Scope {
  return (SCOPES as readonly string[]).includes(access);
}

/** True if scopes that were given include the one that is needed; who may write may read what is to be written to. */
export function allows(given: readonly Scope[], needed: Scope): boolean {
  return given.includes('admin') || given.includes(needed) || (needed === 'read' && given.length > 0);
}
