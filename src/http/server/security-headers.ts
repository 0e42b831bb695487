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
 * Headers that tell browsers what may be done with an answer. Pages load from here alone and are framed by nobody; what the API
 * answers is no page at all.
 *
 * @returns the headers for a route, by what it is; `null` for requests that no route was found for
 */
export function securityHeaders(config: AppConfig): (access: RouteAccess | null) => RequestHandler {
  // Only where printers and operators reach the server over HTTPS may browsers insist on it.
  const strictTransportSecurity = config.baseUrl?.startsWith('https:') ?? false;
  const explorer = helmet({
    contentSecurityPolicy: {
      directives: {
        // The default tells browsers to ask for HTTPS, which blanks a page that is served over plain HTTP at an address of the LAN.
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
  const api: RequestHandler = (_, response, next) => {
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
    next();
  };
  return (access) => (access === 'console' ? console : access === 'explorer' ? explorer : api);
}
