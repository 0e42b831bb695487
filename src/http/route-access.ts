import { SetMetadata, applyDecorators } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import { SCOPES } from './scopes.js';
import type { Scope } from './scopes.js';

/**
 * What a route requires of a request: a key with a scope, or one of
 * - `open`: nothing (supervisors),
 * - `claim`: nothing, but attempts count as guesses at a key,
 * - `download`: the token of an update message, or a key of any scope,
 * - `explorer`: a key of any scope; a browser may ask its user for it,
 * - `console`: nothing, because its files contain no secret.
 */
export type RouteAccess = Scope | 'open' | 'claim' | 'download' | 'explorer' | 'console';

/** OpenAPI extension that names the access of an operation; `openapi.ts` turns it into security and responses. */
export const ACCESS_EXTENSION = 'x-route-access';

const ROUTE_ACCESS = 'paperminder:route-access';

/** Declares the scope that a key needs for a route. A route without a declaration is for admins. */
export const RequireScope = (scope: Scope): MethodDecorator => DeclareAccess(scope);

/** Declares that a route requires something other than a key with a certain scope. */
export const DeclareAccess = (access: RouteAccess): MethodDecorator =>
  applyDecorators(SetMetadata(ROUTE_ACCESS, access), ApiExtension(ACCESS_EXTENSION, access));

/** The access that the handler of a route declares; undefined if it declares none. */
export function declaredAccess(handler: object): RouteAccess | undefined {
  return Reflect.getMetadata(ROUTE_ACCESS, handler) as RouteAccess | undefined;
}

/** True if the access is the name of a scope. */
export function isScope(access: RouteAccess): access is Scope {
  return (SCOPES as readonly string[]).includes(access);
}

/** True if the given scopes include the needed one. Every write scope includes `read`. */
export function allows(given: readonly Scope[], needed: Scope): boolean {
  return given.includes('admin') || given.includes(needed) || (needed === 'read' && given.length > 0);
}
