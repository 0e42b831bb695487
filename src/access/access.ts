import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import type { Actor } from '../common/actor.js';
import { ForbiddenError, UnauthorizedError, InvalidKeyError } from '../common/errors.js';
import { Forwarding } from '../http/forwarding.js';
import { allows, isScope } from '../http/route-access.js';
import type { RouteAccess } from '../http/route-access.js';
import type { Scope } from '../http/scopes.js';
import { AppConfig } from '../config/config.js';
import { DownloadTokens } from '../firmware/download/download-tokens.js';
import { ApiKeys } from './api-keys.js';
import type { KeyHolder } from './api-keys.js';
import { isLocalRequest } from './local-request.js';

function howToClaim({ baseUrl }: AppConfig): string {
  return (
    'This server has not been claimed: only requests from its own machine, to localhost, may manage it. Make the first key there ' +
    `(npm run keys -- create --admin NAME), or claim it with its one-time token (POST ${baseUrl ?? ''}/api/keys/claim)`
  );
}

/**
 * The scope that a route needs; null if it needs none. A browser cannot add a header when it opens a page, so the explorer's pages prompt
 * for a key.
 */
function scopeOf(access: RouteAccess): Scope | null {
  if (isScope(access)) return access;
  return access === 'explorer' ? 'read' : null;
}

/**
 * Guards the management of the server (docs/SECURITY.md), which is everything except the printers' endpoints. Decides by the matched route.
 */
@Injectable()
export class Access {
  constructor(
    private readonly config: AppConfig,
    private readonly keys: ApiKeys,
    private readonly tokens: DownloadTokens,
    private readonly forwarding: Forwarding,
  ) {}

  /** True if a download needs a token or a key. */
  async downloadsAreClosed(): Promise<boolean> {
    return this.config.auth === 'keys' && (await this.keys.isClaimed());
  }

  /**
   * Identifies the holder of a request's key; null if it has no key, or none is required.
   *
   * @param access what the matched route requires; null if no route was matched
   * @throws InvalidKeyError if the key is invalid
   */
  async identify(request: Request, access: RouteAccess | null): Promise<KeyHolder | null> {
    if (this.config.auth === 'none') return null;
    const inBrowser = access === 'explorer';
    // Only for the explorer's pages: browsers also send such a password with requests that another site's page triggers, and these pages
    // change nothing. The explorer sends its own requests with the key of its Authorize button.
    const key = keyOf(request) ?? (inBrowser ? keyFromBrowser(request) : null);
    if (key === null) return null;
    // A valid token makes a key unnecessary.
    if (access === 'download' && (await this.downloadRefusal(request)) === null) return null;
    const holder = await this.keys.holderOf(key);
    if (holder === null) throw new InvalidKeyError('The API key is unknown, revoked or expired', inBrowser);
    return holder;
  }

  /**
   * Authorizes a request, and returns its actor.
   *
   * @param holder the holder of its key
   * @throws UnauthorizedError if it needs a key
   * @throws ForbiddenError if its key lacks the scope
   */
  async authorize(request: Request, access: RouteAccess, holder: KeyHolder | null): Promise<Actor> {
    if (this.config.auth === 'none') return this.without('anybody', request);
    const needed = scopeOf(access);
    if (holder === null) return this.checkWithoutKey(request, access, needed);
    if (needed !== null && !allows(holder.scopes, needed))
      throw new ForbiddenError(
        `This needs a key with the scope ${needed}; key "${holder.name}" has ${holder.scopes.join(', ')}`,
      );
    return {
      kind: 'key',
      keyId: holder.keyId,
      name: holder.name,
      address: this.forwarding.addressOf(request),
    };
  }

  /** Why the token of a download is refused; null if it is valid, or none is needed. */
  private async downloadRefusal(request: Request): Promise<string | null> {
    if (!(await this.downloadsAreClosed())) return null;
    switch (this.tokens.verifyRequest(request.params.version, request.query)) {
      case 'valid':
        return null;
      case 'expired':
        return 'The token of this address has expired: the printer is sent a new one when it connects again';
      case 'invalid':
        return 'A download needs the whole address of an update message, or an API key';
    }
  }

  private async checkWithoutKey(request: Request, access: RouteAccess, needed: Scope | null): Promise<Actor> {
    if (access === 'download') {
      const refusal = await this.downloadRefusal(request);
      if (refusal !== null) throw new UnauthorizedError(refusal);
    }
    if (needed === null) return this.without('anybody', request);
    if (await this.keys.isClaimed())
      throw new UnauthorizedError(
        'This needs an API key: Authorization: Bearer KEY, or X-API-Key: KEY',
        access === 'explorer',
      );
    if (!isLocalRequest(request)) throw new UnauthorizedError(howToClaim(this.config));
    return this.without('local', request);
  }

  private without(kind: 'local' | 'anybody', request: Request): Actor {
    return { kind, keyId: null, name: null, address: this.forwarding.addressOf(request) };
  }
}

/** True if a request carries a key, valid or not. */
export function carriesKey({ headers }: Request): boolean {
  return headers.authorization !== undefined || headers['x-api-key'] !== undefined;
}

function keyOf({ headers }: Request): string | null {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const header = headers['x-api-key'];
  return typeof header === 'string' ? header : null;
}

function keyFromBrowser({ headers }: Request): string | null {
  const encoded = /^Basic +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const [, password] = /^[^:]*:(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  return password ?? null;
}
