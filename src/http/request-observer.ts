import type { IncomingMessage, ServerResponse } from 'node:http';
import { Logger } from '@nestjs/common';
import { plainAddress } from '../common/address.js';

/** Where the time that a request took is counted. */
export interface RequestMeter {
  observe(method: string, route: string, status: number, seconds: number): void;
}

/** Watches every request to its end: one log line, and one measurement. */
export class RequestObserver {
  private readonly logger = new Logger('HTTP');

  constructor(private readonly meter: RequestMeter) {}

  /**
   * To be called when a request has come in; it is written down when its answer is finished, or its client has gone.
   *
   * @param route the route that was taken, asked for at the end: the label of a measurement must not be a path, which may name anything
   */
  watch(request: IncomingMessage, response: ServerResponse, route: () => string): void {
    const begun = performance.now();
    const { method = '', url = '' } = request;
    response.once('close', () => {
      const milliseconds = performance.now() - begun;
      this.meter.observe(method, route(), response.statusCode, milliseconds / 1_000);
      const outcome = response.writableFinished ? '' : ' aborted';
      const address = plainAddress(request.socket.remoteAddress);
      this.logger.log(
        `${method} ${url} ${response.statusCode}${outcome} ${Math.floor(milliseconds)} ms ${address}`,
      );
    });
  }
}
