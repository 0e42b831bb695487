import type { ServerResponse } from 'node:http';

/**
 * True if a response ended after its last byte was handed to the socket. Call it at `finish` or `close`. Node also emits `finish` for a
 * response whose socket broke off with bytes unsent, but that socket is destroyed by then.
 */
export function wasFullySent(response: ServerResponse): boolean {
  return response.writableFinished && !response.req.socket.destroyed;
}
