import type { IncomingMessage } from 'node:http';

// RFC 3986 §3.3, §3.4: a path and a query. A fragment is none of a request's business, and Express, which cuts it off, would match
// another route than whoever reads the text as it stands. Two slashes in front would be a host to whoever resolves it as a reference (§4.2).
const ORIGIN_FORM = /^\/(?!\/)[\x21\x22\x24-\x7e]*$/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?#@]+)(.*)$/i;

const authorities = new WeakMap<IncomingMessage, string>();

/**
 * Brings the target of a request into the one form that routes are matched by (RFC 9112 §3.2.1): a path with its query. The absolute
 * form, which clients send to proxies and every server must accept (§3.2.2), becomes one.
 *
 * @returns false if the target is none that a route could have
 */
export function normalizeTarget(request: IncomingMessage): boolean {
  const { url = '' } = request;
  if (ORIGIN_FORM.test(url)) return true;
  // RFC 9112 §3.2.4: asks for the server as a whole.
  if (url === '*') return request.method === 'OPTIONS';
  const [, authority, rest = ''] = ABSOLUTE_FORM.exec(url) ?? [];
  if (authority === undefined) return false;
  authorities.set(request, authority);
  request.url = rest.startsWith('/') ? rest : `/${rest}`;
  return ORIGIN_FORM.test(request.url);
}

/**
 * Takes the path of BASE_URL off a target: proxies that serve other things beside this server may leave it on, or not.
 *
 * @param basePath without a slash at the end; empty for none
 */
export function stripBasePath(request: IncomingMessage, basePath: string): void {
  const { url = '' } = request;
  if (basePath !== '' && url.startsWith(`${basePath}/`)) request.url = url.slice(basePath.length);
}

/** The host that the target of a request named, in the absolute form; undefined if it named none. */
export function targetAuthority(request: IncomingMessage): string | undefined {
  return authorities.get(request);
}

/** The path of a request, without its query. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}
