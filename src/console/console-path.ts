/** The pages of the console, which itself decides which one to show. Each is a route, and so a label of the metrics. */
export const PAGE_ROUTES = [
  '/',
  '/printers',
  '/printers/:printer',
  '/firmware',
  '/rollouts',
  '/rollouts/:rollout',
  '/inbox',
  '/try',
  '/sign-in',
] as const;

/** Paths of the console's other files. */
export const FILE_ROUTES = ['/assets/:file', '/favicon.ico', '/favicon.svg', '/favicon.png'] as const;

// Paths with a meaning for API clients, printers and supervisors: a page there would hide an error from them.
const RESERVED = /^\/(?:api|docs|openapi\.json|metrics|health|ws|assets|favicon\.\w+)(?:\/|$)/i;

/** True for a path below which the console can never have a page. */
export function isReservedPath(path: string): boolean {
  return RESERVED.test(path);
}
