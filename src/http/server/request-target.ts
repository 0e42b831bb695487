import type { IncomingMessage, ServerResponse } from 'node:http';
import { problem } from '../problem.dto.js';

// RFC 3986 §3.3, §3.4: a path and a query. A fragment does not belong in a request: Express, which cuts it off, would match another route
// than code that reads the raw text. Two leading slashes would name a host to code that resolves the target as a reference (§4.2).
const ORIGIN_FORM = /^\/(?!\/)[\x21\x22\x24-\x7e]*$/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?#@]+)(.*)$/i;

const authorities = new WeakMap<IncomingMessage, string>();

/**
 * Normalises the target of a request to the one form that routes are matched by (RFC 9112 §3.2.1): a path with its query. Also accepts the
 * absolute form, which clients send to proxies and every server must accept (§3.2.2).
 *
 * @returns false if no route could have this target
 */
export function normalizeTarget(request: IncomingMessage): boolean {
  const { url = '' } = request;
  if (ORIGIN_FORM.test(url)) return true;
  // RFC 9112 §3.2.4: `*` addresses the server as a whole.
  if (url === '*') return request.method === 'OPTIONS';
  const [, authority, rest = ''] = ABSOLUTE_FORM.exec(url) ?? [];
  if (authority === undefined) return false;
  authorities.set(request, authority);
  request.url = rest.startsWith('/') ? rest : `/${rest}`;
  return ORIGIN_FORM.test(request.url);
}

/**
 * Strips the path of BASE_URL from a target: a proxy that serves other sites beside this server may or may not do so itself.
 *
 * @param basePath without a slash at the end; empty for none
 */
export function stripBasePath(request: IncomingMessage, basePath: string): void {
  const { url = '' } = request;
  if (basePath !== '' && url.startsWith(`${basePath}/`)) request.url = url.slice(basePath.length);
}

/** The host in a target in the absolute form; undefined if the target had another form. */
export function targetAuthority(request: IncomingMessage): string | undefined {
  return authorities.get(request);
}

/** The path of a request, without its query. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

/**
 * Brings the target of a request into the form of a route. Returns true if it has answered the request, because no route can have the
 * target.
 *
 * @param basePath the path of BASE_URL, without a slash at the end; empty for none
 */
export function answersTarget(request: IncomingMessage, response: ServerResponse, basePath: string): boolean {
  if (normalizeTarget(request)) {
    // The links of the console are relative to its root.
    if (basePath !== '' && pathOf(request) === basePath) {
      response.writeHead(308, { Location: `${basePath}/` }).end();
      return true;
    }
    stripBasePath(request, basePath);
    return false;
  }
  const detail = 'The target of a request must be a path, without a fragment (RFC 9112 §3.2)';
  response.writeHead(400, {
    'Content-Type': 'application/problem+json',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(JSON.stringify(problem(400, detail)));
  return true;
}
