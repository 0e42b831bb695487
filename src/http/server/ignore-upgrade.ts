import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

const latestResponses = new WeakMap<Duplex, ServerResponse>();

/** Call it once for a server whose upgrades may be ignored. */
export function watchResponses(server: Server): void {
  server.on('request', (request, response) => latestResponses.set(request.socket, response));
}

/**
 * Answers a request as if it had not asked for another protocol (RFC 9110 §7.8: a server may ignore `Upgrade`). Node has detached the
 * socket from its HTTP parser; this puts the request back in front of the unread bytes, without the header, and hands the socket to the
 * server like a new connection. So the parser handles a body, further requests and keep-alive as usual.
 *
 * @param head what was read beyond the headers
 */
export function ignoreUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  // Earlier pipelined requests: Node would answer this one in between, or not at all.
  const before = latestResponses.get(socket);
  if (before !== undefined && !before.closed) {
    // Nobody else listens for errors in the meantime.
    socket.once('error', () => socket.destroy());
    before.once('close', () => ignoreUpgrade(server, request, socket, head));
    return;
  }
  if (socket.destroyed) return;
  const { method = 'GET', url = '/', httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    const kept = withoutUpgrade(name.toLowerCase(), value);
    if (kept !== null) lines.push(`${name}: ${kept}`);
  }
  // Node reads header bytes as Latin-1.
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}

/** The value of a header without its part in an upgrade; null if nothing is left of it. */
function withoutUpgrade(name: string, value: string): string | null {
  if (name === 'upgrade' || name === 'http2-settings') return null;
  if (name !== 'connection') return value;
  const options = value.split(',').map((option) => option.trim());
  const kept = options.filter((option) => !/^(?:upgrade|http2-settings)$/i.test(option));
  return kept.length === 0 ? null : kept.join(', ');
}
