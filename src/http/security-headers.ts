import type { RequestHandler } from 'express';
import helmet from 'helmet';
import type { AppConfig } from '../config/config.js';

/**
 * Headers that tell browsers what may be done with an answer. Pages load from here alone and are framed by nobody; what the API
 * answers is no page at all.
 */
export function securityHeaders(config: AppConfig): RequestHandler {
  const pages = helmet({
    contentSecurityPolicy: {
      directives: {
        // The default tells browsers to ask for HTTPS, which blanks a page that is served over plain HTTP at an address of the LAN.
        'upgrade-insecure-requests': null,
        'script-src': ["'self'"],
      },
    },
    // Only where printers and operators reach the server over HTTPS may browsers insist on it.
    strictTransportSecurity: config.baseUrl?.startsWith('https:') ?? false,
  });
  return (request, response, next) => {
    if (!request.url.startsWith('/api/')) {
      pages(request, response, next);
      return;
    }
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
    next();
  };
}
