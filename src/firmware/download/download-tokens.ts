import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { ValidationError } from '../../common/errors.js';
import { StartupError } from '../../common/startup-error.js';
import { AppConfig } from '../../config/config.js';
import { dataFiles } from '../../config/data-files.js';
import { toDownloadRequest } from './download.dto.js';
import type { DownloadRequest } from './download.dto.js';

const SECRET_BYTES = 32;
// Bytes of a truncated HMAC-SHA256 (RFC 2104 §5): short, because a board holds the whole message in memory, but infeasible to guess.
const MAC_BYTES = 16;
const TOKEN = /^([0-9a-z]{1,10})\.([A-Za-z0-9_-]{22})$/;

// Milliseconds for which a token is fresh. Samples of downloads that flow are as far apart (download-progress.ts).
const FRESH_MS = 10_000;

/** Result of checking a token. */
export type TokenVerdict = 'valid' | 'expired' | 'invalid';

/**
 * Tokens in the URLs of update messages. Each lets one printer download one version, as often as it likes, until it expires
 * (docs/SECURITY.md).
 */
@Injectable()
export class DownloadTokens implements OnModuleInit {
  private secret: Buffer = Buffer.alloc(0);
  private readonly startedAt: number;

  constructor(
    private readonly config: AppConfig,
    private readonly clock: Clock,
  ) {
    this.startedAt = clock.now().getTime() - clock.uptime();
  }

  /** Not in the constructor: until all modules are initialised, the data may belong to another server. */
  onModuleInit(): void {
    this.secret = secretIn(dataFiles(this.config).downloadSecret);
  }

  /** Issues a token for a printer that is sent a version now. */
  issue(version: string, printerId: number): string {
    const expires = Math.ceil((this.now() + this.config.downloadTokenMs) / 1_000).toString(36);
    return `${expires}.${this.mac(version, printerId, expires).toString('base64url')}`;
  }

  /** Checks the token of a download. */
  verify({ selector, printer, token }: DownloadRequest): TokenVerdict {
    if (printer === undefined || token === undefined) return 'invalid';
    const [, expires, mac] = TOKEN.exec(token) ?? [];
    if (expires === undefined || mac === undefined) return 'invalid';
    const expected = this.mac(selector.version, printer, expires);
    if (!timingSafeEqual(Buffer.from(mac, 'base64url'), expected)) return 'invalid';
    return this.now() < Number.parseInt(expires, 36) * 1_000 ? 'valid' : 'expired';
  }

  /** True if a token was issued just now, with an update message. The send of that message was a sign of life of its update. */
  isFresh(token: string | undefined): boolean {
    const [, expires = ''] = TOKEN.exec(token ?? '') ?? [];
    const age = this.now() + this.config.downloadTokenMs - Number.parseInt(expires, 36) * 1_000;
    return Math.abs(age) < FRESH_MS;
  }

  /** Checks the token of a download from its raw input: the parameter of the route and the query. */
  verifyRequest(version: unknown, query: Record<string, unknown>): TokenVerdict {
    try {
      return this.verify(toDownloadRequest(version, query));
    } catch (error) {
      if (error instanceof ValidationError) return 'invalid';
      throw error;
    }
  }

  /** The time at startup plus the monotonic time since, so that setting the clock does not cut off an update in progress. */
  private now(): number {
    return this.startedAt + this.clock.uptime();
  }

  /** No version contains a space, so two triples never give the same text. */
  private mac(version: string, printerId: number, expires: string): Buffer {
    const hmac = createHmac('sha256', this.secret).update(`${version} ${printerId} ${expires}`);
    return hmac.digest().subarray(0, MAC_BYTES);
  }
}

/** Stored in a file, so that tokens outlive a restart. */
function secretIn(path: string): Buffer {
  if (!existsSync(path)) writeFileSync(path, randomBytes(SECRET_BYTES).toString('hex'), { mode: 0o600 });
  const secret = Buffer.from(readFileSync(path, 'utf8').trim(), 'hex');
  if (secret.length !== SECRET_BYTES)
    throw new StartupError(
      `${path} must hold ${SECRET_BYTES} bytes in hexadecimal; remove it, and a new one is made`,
    );
  return secret;
}
