import type { ServerResponse } from 'node:http';

/**
 * True for an answer that has ended with its last byte handed over; to be asked at its `finish` or `close`. Node calls an answer
 * finished, too, when its socket broke off with bytes of it unsent: then the socket is destroyed already.
 */
export function wasFullySent(response: ServerResponse): boolean {
  return response.writableFinished && !response.req.socket.destroyed;
}
