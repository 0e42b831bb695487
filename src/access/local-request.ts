import { isIPv4 } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { plainAddress } from '../common/address.js';

const LOCAL_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;
// Whoever forwards says so in one of these; behind a proxy on this machine every peer has a loopback address.
const FORWARDING_HEADERS = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
];

/**
 * True for a request that somebody at this very machine makes by hand: from a loopback address, to a loopback name (a page of
 * another site that has rebound its name to 127.0.0.1 has that name in Host), not forwarded, and not from a page of another site.
 */
export function isLocalRequest(request: IncomingMessage): boolean {
  const { headers, socket } = request;
  const { host, origin } = headers;
  if (!isLoopback(plainAddress(socket.remoteAddress))) return false;
  if (host === undefined || !LOCAL_HOST.test(host)) return false;
  if (FORWARDING_HEADERS.some((name) => headers[name] !== undefined)) return false;
  return origin === undefined || origin.toLowerCase() === `http://${host.toLowerCase()}`;
}

/** True for an address that only this machine has (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopback(address: string): boolean {
  return address === '::1' || address === 'localhost' || (isIPv4(address) && address.startsWith('127.'));
}
