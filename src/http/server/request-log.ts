import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Request, RequestHandler } from 'express';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import type { GatedExpressAdapter } from './gated-express-adapter.js';
import { wasFullySent } from './was-fully-sent.js';
import { Forwarding } from '../forwarding.js';

// Maximum milliseconds that a stop waits for requests: with everything else, well below the ten seconds after which supervisors kill.
const LONGEST_WAIT_MS = 5_000;
const LOOK_EVERY_MS = 20;
// The event loop reads new connections in one turn and their first bytes in the next; the current turn is already past both.
const TURNS = 3;

/** An answered request. */
export interface FinishedRequest {
  method: string;
  /** The matched route; `unmatched` if there was none. */
  route: string;
  status: number;
  seconds: number;
}

/** Follows every request to its end: writes one log line, emits one measurement, and makes a stop wait for requests in progress. */
@Injectable()
export class RequestLog implements OnModuleDestroy {
  private readonly logger = new Logger('HTTP');
  private readonly finished = new Subject<FinishedRequest>();
  private underWay = 0;

  constructor(
    private readonly host: HttpAdapterHost<GatedExpressAdapter>,
    private readonly forwarding: Forwarding,
  ) {}

  /** Follows a request; it is logged when its answer is finished, or its client has disconnected. */
  readonly middleware: RequestHandler = (request, response, next) => {
    this.watch(request, response, () => routeOf(request));
    next();
  };

  /**
   * Like the middleware, for a request that Express does not see.
   *
   * @param route names the matched route; called at the end
   */
  watch(request: IncomingMessage, response: ServerResponse, route: () => string): void {
    const begun = performance.now();
    const { method = '', url = '' } = request;
    this.forwarding.check(request);
    this.underWay += 1;
    response.once('close', () => {
      this.underWay -= 1;
      const milliseconds = performance.now() - begun;
      // An event stream stays open until its client leaves: that is neither slow nor a failure.
      const isStream = response.getHeader('Content-Type') === 'text/event-stream';
      if (!isStream)
        this.finished.next({
          method,
          route: route(),
          status: response.statusCode,
          seconds: milliseconds / 1_000,
        });
      if (!Logger.isLevelEnabled('log')) return;
      const outcome = isStream || wasFullySent(response) ? '' : ' aborted';
      const address = this.forwarding.addressOf(request);
      this.logger.log(
        `${method} ${withoutToken(url)} ${response.statusCode}${outcome} ${Math.floor(milliseconds)} ms ${address}`,
      );
    });
  }

  /** Emits every answered request, except event streams. */
  get requestFinished(): Observable<FinishedRequest> {
    return this.finished;
  }

  /**
   * Runs first at a stop: accepts no new requests, and lets those in progress end. Requests that reached this machine before the stop are
   * in progress, too, even if a busy server has not read them yet: closing their connections would reset them.
   */
  async onModuleDestroy(): Promise<void> {
    const { httpAdapter } = this.host;
    await readWhatHasArrived();
    httpAdapter.stopAccepting();
    await readWhatHasArrived();
    const end = performance.now() + LONGEST_WAIT_MS;
    while (this.underWay > 0 && performance.now() < end) await sleep(LOOK_EVERY_MS);
    if (this.underWay > 0) this.logger.warn(`${this.underWay} requests are cut off by the stop`);
  }
}

/** Lets the event loop accept the connections, and read the bytes, that the system has received so far. */
async function readWhatHasArrived(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await nextTurn();
}

/** Removes the token: a reader of the log must not be able to download with it. */
function withoutToken(url: string): string {
  return url.replace(/([?&]token=)[^&]*/, '$1...');
}

/** The matched route; not the path, which clients choose freely, and which must not become the label of a metric. */
function routeOf(request: Request): string {
  const { route } = request as { route?: { path?: unknown } };
  return typeof route?.path === 'string' ? route.path : 'unmatched';
}
