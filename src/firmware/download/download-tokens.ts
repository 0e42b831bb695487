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
// Bytes of a truncated HMAC-SHA512 (RFC 2104 §5): short, because a board holds the whole message in memory, but infeasible to guess.
const MAC_BYTES = 16;
// Printers that share a digest. Each uses a different part, and one part reveals nothing about the others.
const TOKENS_PER_DIGEST = 4;
const TOKEN = /^([0-9a-z]{1,10})\.([A-Za-z0-9_-]{22})$/;

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
  /** Digests of the latest expiry: a rollout to the whole fleet asks for those of neighbouring printers in sequence. */
  private readonly digests = new Map<string, Buffer>();
  private latestExpiry = '';

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
    if (expires !== this.latestExpiry) {
      this.digests.clear();
      this.latestExpiry = expires;
    }
    const text = textOf(version, printerId, expires);
    let digest = this.digests.get(text);
    if (digest === undefined) {
      digest = this.digest(text);
      this.digests.set(text, digest);
    }
    return `${expires}.${partOf(digest, printerId).toString('base64url')}`;
  }

  /** Checks the token of a download. */
  verify({ selector, printer, token }: DownloadRequest): TokenVerdict {
    if (printer === undefined || token === undefined) return 'invalid';
    const [, expires, mac] = TOKEN.exec(token) ?? [];
    if (expires === undefined || mac === undefined) return 'invalid';
    const expected = partOf(this.digest(textOf(selector.version, printer, expires)), printer);
    if (!timingSafeEqual(Buffer.from(mac, 'base64url'), expected)) return 'invalid';
    return this.now() < Number.parseInt(expires, 36) * 1_000 ? 'valid' : 'expired';
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

  private digest(text: string): Buffer {
    return createHmac('sha512', this.secret).update(text).digest();
  }
}

/** The signed text for a printer and those that share its digest. No version contains a space, so two triples never give the same text. */
function textOf(version: string, printerId: number, expires: string): string {
  return `${version} ${Math.floor(printerId / TOKENS_PER_DIGEST)} ${expires}`;
}

function partOf(digest: Buffer, printerId: number): Buffer {
  const begin = (printerId % TOKENS_PER_DIGEST) * MAC_BYTES;
  return digest.subarray(begin, begin + MAC_BYTES);
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
