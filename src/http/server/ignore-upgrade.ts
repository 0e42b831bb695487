import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

const latestResponses = new WeakMap<Duplex, ServerResponse>();

/** To be called once for a server whose upgrades are to be ignored. */
export function watchResponses(server: Server): void {
  server.on('request', (request, response) => latestResponses.set(request.socket, response));
}

/**
 * Answers a request as if it had not asked for another protocol (RFC 9110 §7.8: a server may ignore `Upgrade`). Node has taken the
 * socket away from its HTTP parser; here the request is put back in front of what is still unread, without the header, and the socket
 * is handed to the server like a new connection. So a body, requests that follow and keep-alive are the parser's business, as ever.
 *
 * @param head what was read beyond the headers
 */
export function ignoreUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  // Requests that the client did not wait for the answers of: Node would answer this one in between, or not at all.
  const before = latestResponses.get(socket);
  if (before !== undefined && !before.closed) {
    // Nobody else listens meanwhile.
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
