import { isUtf8 } from 'node:buffer';
import { BadRequestException, Injectable } from '@nestjs/common';
import express from 'express';
import type { Request, RequestHandler } from 'express';
import { onBehalfOf } from '../common/actor.js';
import type { Actor } from '../common/actor.js';
import { AppConfig } from '../config/config.js';
import type { RouteAccess } from '../http/route-access.js';
import { securityHeaders } from '../http/server/security-headers.js';
import { RequestLimits } from './request-limits.js';

// Methods that need no actor, because they change nothing.
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Builds the middleware in front of each route. */
@Injectable()
export class AccessGate {
  private readonly headers: (access: RouteAccess | null) => RequestHandler;
  private readonly json: RequestHandler;

  constructor(
    config: AppConfig,
    private readonly limits: RequestLimits,
  ) {
    this.headers = securityHeaders(config);
    this.json = express.json({ limit: config.maxBodyBytes, verify: refuseOtherThanUtf8 });
  }

  /**
   * The middleware of a route.
   *
   * The order matters. The request log and CORS run earlier, for every request, so that refusals are logged, and pages of allowed origins
   * can read them. Security headers come first here, because refusals need them, too. Limits and keys come before the body, so that the
   * server never reads a body that it will refuse. The actor is set before the body is read, and holds for everything after it: handlers
   * record in the audit log on its behalf.
   *
   * @param access what the route requires; null for requests that match no route
   */
  middlewareFor(access: RouteAccess | null): RequestHandler[] {
    if (access === null)
      return [
        this.headers(access),
        (request, _, next) => void this.limits.countUnmatched(request).then(() => next(), next),
      ];
    return [
      this.headers(access),
      (request, _, next) => {
        const proceed = (actor: Actor): void =>
          READING.has(request.method) ? next() : onBehalfOf(actor, next);
        const admitted = this.limits.admit(request, access);
        if (admitted instanceof Promise) admitted.then(proceed).catch(next);
        else proceed(admitted);
      },
      (request, response, next) => (hasBody(request) ? this.json(request, response, next) : next()),
    ];
  }
}

/** RFC 9112 §6.3: without one of these headers a request has no body. */
function hasBody({ headers }: Request): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** RFC 8259 §8.1. If bytes that are not UTF-8 were accepted, a different text than was sent would be stored. */
function refuseOtherThanUtf8(_request: unknown, _response: unknown, body: Buffer, encoding: string): void {
  if (encoding !== 'utf-8' || !isUtf8(body)) throw new BadRequestException('body must be JSON in UTF-8');
}
