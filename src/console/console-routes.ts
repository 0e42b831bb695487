import type { Request, RequestHandler, Response } from 'express';
import { NotFoundError } from '../common/errors.js';
import { pathOf } from '../http/server/request-target.js';
import { ENCODINGS } from './console-files.js';
import type { ConsoleFile, ConsoleFiles, Encoding } from './console-files.js';
import { FILE_ROUTES, PAGE_ROUTES, isReservedPath } from './console-path.js';

const NOT_BUILT = 'The console has not been built: npm run build makes it';
// A changed file gets a new name: Vite puts a hash in it.
const FOR_EVER = 'public, max-age=31536000, immutable';

interface Routes {
  get(path: string, handler: RequestHandler): unknown;
}

/** Serves the console. These routes are not part of the API or of its document. */
export function setUpConsole(app: Routes, files: ConsoleFiles): void {
  for (const route of PAGE_ROUTES)
    app.get(route, (request, response, next) => {
      const page = files.pageAt(pathOf(request));
      if (page === null) next(new NotFoundError(NOT_BUILT));
      else send(request, response, page, 'no-cache').catch(next);
    });
  for (const route of FILE_ROUTES)
    app.get(route, (request, response, next) => {
      const path = pathOf(request);
      const file = files.find(path);
      const lifetime = path.startsWith('/assets/') ? FOR_EVER : 'no-cache';
      if (file === null) next(new NotFoundError(files.isBuilt ? `The console has no ${path}` : NOT_BUILT));
      else send(request, response, file, lifetime).catch(next);
    });
}

/**
 * Answers a browser that opens a page that does not exist with the console, which says so; the status is still 404. All other requests, and
 * misspelled paths of the API, get the API's problem details.
 *
 * @param headers sets the headers of the console's pages
 */
export function consoleNotFound(files: ConsoleFiles, headers: RequestHandler): RequestHandler {
  return (request, response, next) => {
    const path = pathOf(request);
    const page = isReservedPath(path) || !wantsPage(request) ? null : files.pageAt(path);
    if (page === null) {
      next();
      return;
    }
    void headers(request, response, () => {
      send(request, response.status(404).vary('Accept'), page, 'no-cache').catch(next);
    });
  };
}

/** True if a browser opens a page; API clients accept JSON, or anything. */
function wantsPage(request: Request): boolean {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  return isRead && request.accepts(['application/json', 'text/html']) === 'text/html';
}

async function send(
  request: Request,
  response: Response,
  file: ConsoleFile,
  lifetime: string,
): Promise<void> {
  const encoding = file.compressible ? encodingFor(request) : null;
  // RFC 9110 §8.8.3.3: a compressed file has other bytes, and so another tag.
  const tag = `"${file.hash}${encoding === null ? '' : `-${encoding}`}"`;
  response.setHeader('ETag', tag);
  response.setHeader('Cache-Control', lifetime);
  if (file.compressible) response.vary('Accept-Encoding');
  // RFC 9110 §13.2.1: conditions are ignored if the response without them would not be a success.
  if (response.statusCode === 200 && isKnown(request.headers['if-none-match'], tag)) {
    response.status(304).end();
    return;
  }
  const bytes = await file.encoded(encoding);
  if (encoding !== null) response.setHeader('Content-Encoding', encoding);
  response.setHeader('Content-Type', file.type);
  response.setHeader('Content-Length', bytes.length);
  response.end(bytes);
}

function encodingFor(request: Request): Encoding | null {
  return ENCODINGS.find((one) => request.acceptsEncodings(one) !== false) ?? null;
}

/** RFC 9110 §13.1.2: a list of tags, compared weakly, or `*`. */
function isKnown(header: string | undefined, tag: string): boolean {
  const known = (header ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  return known.includes(tag) || known.includes('*');
}
