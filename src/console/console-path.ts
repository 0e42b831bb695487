/** The pages of the console; which one is shown is up to the console itself. Each is a route, and so a label of the metrics. */
export const PAGE_ROUTES = [
  '/',
  '/printers',
  '/printers/:printer',
  '/firmware',
  '/rollouts',
  '/rollouts/:rollout',
  '/try',
  '/sign-in',
] as const;

/** Where the rest of the console's files are. */
export const FILE_ROUTES = ['/assets/:file', '/favicon.ico', '/favicon.svg', '/favicon.png'] as const;

const CONSOLE =
  /^\/(?:(?:printers|rollouts)(?:\/[^/]+)?\/?|(?:firmware|try|sign-in)\/?|assets\/[^/]+|favicon\.(?:ico|svg|png))?$/;

/** True for a path of the console: a page, or a file that it is made of. */
export function isConsolePath(path: string): boolean {
  return CONSOLE.test(path);
}
