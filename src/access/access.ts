import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/actor.js';
import { plainAddress } from '../common/address.js';
import { Forbidden, Unauthorized, WrongKey } from '../common/errors.js';
import { pathOf } from '../common/request-path.js';
import { AppConfig } from '../config/config.js';
import { isConsolePath } from '../console/console-path.js';
import { DownloadTokens } from '../firmware/download-tokens.js';
import { ApiKeys } from './api-keys.js';
import type { KeyHolder } from './api-keys.js';
import { isLocalRequest } from './local-request.js';
import { allows, requiredScope } from './scopes.js';

// Supervisors look whether the server is well; a claim is how the first key comes about. The console's files hold no secret: it
// asks its user for a key, and sends that along with what it asks the API.
const OPEN = /^\/(?:health\/|api\/keys\/claim$)/;
// Printers download with the token of their update message, and before the first key without.
const DOWNLOAD = '/api/firmware/download/';

/** True for a path that needs no key. */
export function isOpen(path: string): boolean {
  return OPEN.test(path) || isConsolePath(path);
}

// A browser that opens the explorer cannot send a header of its own. It may ask its user for a name, which is not looked at, and a
// password, which is the key. For these pages alone: browsers send such a password along with whatever another site's page makes
// them send, and these change nothing. What the explorer tries out, it sends with the key of its Authorize button.
const PAGES = /^\/(?:docs(?:\/|$)|openapi\.json$)/;

function isPage(path: string): boolean {
  return PAGES.test(path);
}

const HOW_TO_CLAIM =
  'This server has not been claimed: only requests from its own machine, to localhost, may manage it. Make the first key there ' +
  '(npm run keys -- create --admin NAME), or claim it with its one-time token (POST /api/keys/claim)';

/** Guards the management of the server (docs/SECURITY.md): everything but the printers' own plane. */
@Injectable()
export class Access {
  constructor(
    private readonly config: AppConfig,
    private readonly keys: ApiKeys,
    private readonly tokens: DownloadTokens,
  ) {}

  /** True where a download needs a token or a key. */
  get downloadsAreClosed(): boolean {
    return this.config.auth === 'keys' && this.keys.isClaimed;
  }

  /**
   * Says whose key a request carries; null where it carries none, or none is asked for.
   *
   * @throws WrongKey where the key does not count
   */
  identify(request: IncomingMessage): KeyHolder | null {
    if (this.config.auth === 'none') return null;
    const path = pathOf(request);
    const key = keyOf(request) ?? (isPage(path) ? keyFromBrowser(request) : null);
    if (key === null) return null;
    // With a good token, a key is not asked for.
    if (isDownload(path) && this.downloadRefusal(request) === null) return null;
    const holder = this.keys.holderOf(key);
    if (holder === null) throw new WrongKey('The API key is unknown, revoked or expired', isPage(path));
    return holder;
  }

  /**
   * Says in which capacity a request may be made.
   *
   * @param holder whose key it carries
   * @throws Unauthorized where it needs a key
   * @throws Forbidden where its key lacks the scope
   */
  authorize(request: IncomingMessage, holder: KeyHolder | null): Actor {
    const path = pathOf(request);
    if (this.config.auth === 'none') return without('anybody', request);
    if (holder === null) return this.checkWithoutKey(request, path);
    const needed = requiredScope(request.method ?? '', path);
    if (!isOpen(path) && !allows(holder.scopes, needed))
      throw new Forbidden(
        `This needs a key with the scope ${needed}; key "${holder.name}" has ${holder.scopes.join(', ')}`,
      );
    return { kind: 'key', keyId: holder.keyId, name: holder.name, address: addressOf(request) };
  }

  /** Why the token of a download does not open it; null where it does, or none is needed. */
  private downloadRefusal(request: IncomingMessage): string | null {
    if (!this.downloadsAreClosed) return null;
    switch (this.tokens.verifyUrl(request.url ?? '')) {
      case 'valid':
        return null;
      case 'expired':
        return 'The token of this address has expired: the printer is sent a new one when it connects again';
      case 'invalid':
        return 'A download needs the whole address of an update message, or an API key';
    }
  }

  private checkWithoutKey(request: IncomingMessage, path: string): Actor {
    if (isOpen(path)) return without('anybody', request);
    if (isDownload(path)) {
      const refusal = this.downloadRefusal(request);
      if (refusal !== null) throw new Unauthorized(refusal);
      return without('anybody', request);
    }
    if (this.keys.isClaimed)
      throw new Unauthorized(
        'This needs an API key: Authorization: Bearer KEY, or X-API-Key: KEY',
        isPage(path),
      );
    if (!isLocalRequest(request)) throw new Unauthorized(HOW_TO_CLAIM);
    return without('local', request);
  }
}

/** True for the download of a binary, which a token opens as well as a key. */
export function isDownload(path: string): boolean {
  return path.startsWith(DOWNLOAD);
}

function without(kind: 'local' | 'anybody', request: IncomingMessage): Actor {
  return { kind, keyId: null, name: null, address: addressOf(request) };
}

function addressOf(request: IncomingMessage): string {
  return plainAddress(request.socket.remoteAddress);
}

/** True where a request shows a key, of whatever worth. */
export function carriesKey({ headers }: IncomingMessage): boolean {
  return headers.authorization !== undefined || headers['x-api-key'] !== undefined;
}

function keyOf({ headers }: IncomingMessage): string | null {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const header = headers['x-api-key'];
  return typeof header === 'string' ? header : null;
}

function keyFromBrowser({ headers }: IncomingMessage): string | null {
  const encoded = /^Basic +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const [, password] = /^[^:]*:(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  return password ?? null;
}
