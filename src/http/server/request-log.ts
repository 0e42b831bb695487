import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import type { GatedExpressAdapter } from './gated-express-adapter.js';
import { wasFullySent } from './was-fully-sent.js';
import { Forwarding } from '../forwarding.js';

// Together with what else ends at a stop well below the ten seconds after which supervisors kill.
const LONGEST_WAIT_MS = 5_000;
const LOOK_EVERY_MS = 20;

/** A request that was answered. */
export interface FinishedRequest {
  method: string;
  /** The route that was taken; `unmatched` if there was none. */
  route: string;
  status: number;
  seconds: number;
}

/** Watches every request to its end: one log line, one measurement, and a stop that waits for those that are under way. */
@Injectable()
export class RequestLog implements OnModuleDestroy {
  private readonly logger = new Logger('HTTP');
  private readonly finished = new Subject<FinishedRequest>();
  private underWay = 0;

  constructor(
    private readonly host: HttpAdapterHost<GatedExpressAdapter>,
    private readonly forwarding: Forwarding,
  ) {}

  /**
   * To be called when a request has come in; it is written down when its answer is finished, or its client has gone.
   *
   * @param route the route that was taken, asked for at the end: the label of a measurement must not be a path, which may name anything
   */
  watch(request: IncomingMessage, response: ServerResponse, route: () => string): void {
    const begun = performance.now();
    const { method = '', url = '' } = request;
    this.forwarding.check(request);
    this.underWay += 1;
    response.once('close', () => {
      this.underWay -= 1;
      const milliseconds = performance.now() - begun;
      // A stream of events is open for as long as somebody looks, and ends when they leave: neither is slow nor a failure.
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

  /** Every request that was answered, except event streams. */
  get requestFinished(): Observable<FinishedRequest> {
    return this.finished;
  }

  /** The first thing at a stop: nobody new is let in, and what is under way may end. */
  async onModuleDestroy(): Promise<void> {
    const { httpAdapter } = this.host;
    httpAdapter.stopAccepting();
    const end = performance.now() + LONGEST_WAIT_MS;
    while (this.underWay > 0 && performance.now() < end) await sleep(LOOK_EVERY_MS);
    if (this.underWay > 0) this.logger.warn(`${this.underWay} requests are cut off by the stop`);
  }
}

/** Whoever reads the log must not be able to download with what stands in it. */
function withoutToken(url: string): string {
  return url.replace(/([?&]token=)[^&]*/, '$1...');
}
