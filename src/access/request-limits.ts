import { Injectable, Logger } from '@nestjs/common';
import type { Request } from 'express';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Actor } from '../common/actor.js';
import { AddressList, addressGroup } from '../http/address.js';
import { RateLimitError, InvalidKeyError } from '../common/errors.js';
import { Forwarding } from '../http/forwarding.js';
import { isScope } from '../http/route-access.js';
import type { RouteAccess } from '../http/route-access.js';
import { Throttle } from '../common/limits/throttle.js';
import { AppConfig } from '../config/config.js';
import { Access, carriesKey } from './access.js';
import type { KeyHolder } from './api-keys.js';

/**
 * Admits management requests at the rate that the settings allow. Counts are dropped when their second or minute is over, so memory is
 * bounded by the requests of that time.
 *
 * Downloads are not counted, because an office of printers behind one address updates at once; nor are health checks, because a supervisor
 * that gets 429 restarts the server; nor the files of the console, which are in memory.
 */
@Injectable()
export class RequestLimits {
  private readonly logger = new Logger('Access');
  private readonly unlimited: AddressList;
  private readonly requests: RateLimiterMemory;
  private readonly guesses: RateLimiterMemory;
  private readonly warnings = new Throttle();

  constructor(
    private readonly config: AppConfig,
    private readonly access: Access,
    private readonly forwarding: Forwarding,
  ) {
    this.unlimited = new AddressList(config.unlimitedAddresses);
    this.requests = new RateLimiterMemory({ points: config.maxRequestsPerSecond, duration: 1 });
    this.guesses = new RateLimiterMemory({ points: config.maxFailedKeysPerMinute, duration: 60 });
  }

  /**
   * Identifies the actor of a request, if it may be made now.
   *
   * @param access what the matched route requires
   * @throws RateLimitError if its key, or its address, has sent too many requests
   * @throws UnauthorizedError if it needs a key and has no valid one
   * @throws ForbiddenError if its key lacks the scope
   */
  admit(request: Request, access: RouteAccess): Actor | Promise<Actor> {
    const address = this.limitedAddressOf(request);
    // An unlimited address without a key: nothing to count, so nothing to wait for.
    if (address === null && !carriesKey(request)) return this.access.authorize(request, access, null);
    return this.admitCounted(request, access, address);
  }

  /**
   * Counts a request that matches no route, so that probing for routes does not bypass the limits.
   *
   * @throws RateLimitError if its key, or its address, has sent too many requests
   * @throws UnauthorizedError if its key is invalid
   */
  async countUnmatched(request: Request): Promise<void> {
    const address = this.limitedAddressOf(request);
    if (address === null && !carriesKey(request)) return;
    await this.count(await this.identify(request, null, address), address);
  }

  private async admitCounted(request: Request, access: RouteAccess, address: string | null): Promise<Actor> {
    if (access === 'claim') await this.guess(address);
    const holder = await this.identify(request, access, address);
    if (isScope(access) || access === 'explorer') await this.count(holder, address);
    return this.access.authorize(request, access, holder);
  }

  private async identify(
    request: Request,
    access: RouteAccess | null,
    address: string | null,
  ): Promise<KeyHolder | null> {
    try {
      return await this.access.identify(request, access);
    } catch (error) {
      // Only failures are limited, never a valid key: else a neighbour with an old key could keep an operator from stopping a rollout. This
      // does not help an attacker: a key has 256 random bits (NIST SP 800-63B §5.1.2.2 asks for throttling below 64).
      if (error instanceof InvalidKeyError) await this.guess(address);
      throw error;
    }
  }

  private async count(holder: KeyHolder | null, address: string | null): Promise<void> {
    const who = holder === null ? address : `key ${holder.keyId}`;
    if (who === null) return;
    const most = this.config.maxRequestsPerSecond;
    await take(this.requests, who, `Too many requests: at most ${most} a second`);
  }

  private async guess(address: string | null): Promise<void> {
    if (address === null) return;
    const most = this.config.maxFailedKeysPerMinute;
    try {
      await take(this.guesses, address, `Too many keys that do not count: at most ${most} a minute`);
    } catch (error) {
      this.warnings.run(() =>
        this.logger.warn(
          `${address} sends more than ${most} invalid keys a minute (MAX_FAILED_KEYS_PER_MINUTE)`,
        ),
      );
      throw error;
    }
  }

  /** Null for an unlimited address. */
  private limitedAddressOf(request: Request): string | null {
    const address = this.forwarding.addressOf(request);
    return this.unlimited.has(address) ? null : addressGroup(address);
  }
}

async function take(limiter: RateLimiterMemory, who: string, message: string): Promise<void> {
  try {
    await limiter.consume(who);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    throw new RateLimitError(message, Math.ceil(error.msBeforeNext / 1_000));
  }
}
