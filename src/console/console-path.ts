/** The pages of the console; which one is shown is up to the console itself. Each is a route, and so a label of the metrics. */
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

/** Where the rest of the console's files are. */
export const FILE_ROUTES = ['/assets/:file', '/favicon.ico', '/favicon.svg', '/favicon.png'] as const;

// What has a meaning of its own for API clients, printers and supervisors: there, a page would hide what is wrong.
const RESERVED = /^\/(?:api|docs|openapi\.json|metrics|health|ws|assets|favicon\.\w+)(?:\/|$)/i;

/** True for a path below which no page of the console can be, whatever the console shows. */
export function isReservedPath(path: string): boolean {
  return RESERVED.test(path);
}
