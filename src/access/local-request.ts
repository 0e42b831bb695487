import { isIPv4 } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { plainAddress } from '../http/address.js';
import { targetAuthority } from '../http/server/request-target.js';

const LOCAL_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;
// Behind a proxy on this machine every peer has a loopback address; the headers that proxies, load balancers and CDNs add reveal them.
const PROXY_HEADER =
  /^(?:forwarded|via|cdn-loop|true-client-ip|x-forwarded.*|x-original-.*|x-real-ip|x-client-ip|x-cluster-client-ip|cf-.*|fastly-client-ip|fly-client-ip|x-azure-clientip|x-envoy-.*|x-proxyuser-ip)$/;

/**
 * True for a request that a user of this machine makes directly: from a loopback address, to a loopback name (another site's page that has
 * rebound its name to 127.0.0.1 sends that name as Host), not forwarded, and not from a page of another site.
 */
export function isLocalRequest(request: IncomingMessage): boolean {
  const { headers, socket } = request;
  const { host, origin } = headers;
  if (!isLoopback(plainAddress(socket.remoteAddress))) return false;
  // By default nginx forwards requests as HTTP/1.0 and adds no header.
  if (request.httpVersion === '1.0') return false;
  if (host === undefined || !LOCAL_HOST.test(host)) return false;
  const named = targetAuthority(request);
  if (named !== undefined && named.toLowerCase() !== host.toLowerCase()) return false;
  const names = headerNames(request);
  // Node keeps only the first Host; a proxy in between may have used another one.
  if (names.filter((name) => name === 'host').length > 1) return false;
  if (names.some((name) => PROXY_HEADER.test(name))) return false;
  return origin === undefined || origin.toLowerCase() === `http://${host.toLowerCase()}`;
}

function headerNames({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
}

/** True for an address that only this machine has (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopback(address: string): boolean {
  return address === '::1' || address === 'localhost' || (isIPv4(address) && address.startsWith('127.'));
}
