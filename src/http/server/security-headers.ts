import type { ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import helmet from 'helmet';
import type { RouteAccess } from '../route-access.js';
import type { AppConfig } from '../../config/config.js';

const CONSOLE_DIRECTIVES = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
  'font-src': ["'self'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
};

/**
 * Headers that tell browsers what they may do with a response. Pages load resources from this server only and cannot be framed; API
 * responses are not pages at all.
 *
 * @returns the headers for a route by its access; `null` stands for requests that match no route
 */
export function securityHeaders(config: AppConfig): (access: RouteAccess | null) => RequestHandler {
  // Browsers may insist on HTTPS only if printers and operators reach the server over HTTPS.
  const strictTransportSecurity = config.baseUrl?.startsWith('https:') ?? false;
  const explorer = helmet({
    contentSecurityPolicy: {
      directives: {
        // The default tells browsers to upgrade to HTTPS, which blanks a page that is served over plain HTTP in a LAN.
        'upgrade-insecure-requests': null,
        'script-src': ["'self'"],
      },
    },
    strictTransportSecurity,
  });
  // Whatever a printer calls itself: nothing that gets into a page of the console can load, send or run anything else.
  const console = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: CONSOLE_DIRECTIVES },
    xFrameOptions: { action: 'deny' },
    strictTransportSecurity,
  });
  return (access) => (access === 'console' ? console : access === 'explorer' ? explorer : apiHeaders);
}

/** Sets the headers of responses that are not pages. */
export function apiHeaders(_: unknown, response: ServerResponse, next: () => void): void {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
  next();
}
