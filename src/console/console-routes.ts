import type { IRouter, Request, Response } from 'express';
import { NotFound } from '../common/errors.js';
import { pathOf } from '../common/request-path.js';
import { ENCODINGS } from './console-files.js';
import type { ConsoleFile, ConsoleFiles, Encoding } from './console-files.js';
import { FILE_ROUTES, PAGE_ROUTES } from './console-path.js';

const NOT_BUILT = 'The console has not been built: npm run build makes it';
// A file that changes gets another name: Vite puts a hash of it in.
const FOR_EVER = 'public, max-age=31536000, immutable';

/** Serves the console. These routes are no part of the API, and of its document. */
export function setUpConsole(app: IRouter, files: ConsoleFiles): void {
  for (const route of PAGE_ROUTES)
    app.get(route, (request, response, next) => {
      if (files.index === null) next(new NotFound(NOT_BUILT));
      else send(request, response, files.index, 'no-cache').catch(next);
    });
  for (const route of FILE_ROUTES)
    app.get(route, (request, response, next) => {
      const path = pathOf(request);
      const file = files.find(path);
      const lifetime = path.startsWith('/assets/') ? FOR_EVER : 'no-cache';
      if (file === null) next(new NotFound(files.index === null ? NOT_BUILT : `The console has no ${path}`));
      else send(request, response, file, lifetime).catch(next);
    });
}

async function send(
  request: Request,
  response: Response,
  file: ConsoleFile,
  lifetime: string,
): Promise<void> {
  const encoding = file.compressible ? encodingFor(request) : null;
  // RFC 9110 §8.8.3.3: what is compressed has other bytes, and so another tag.
  const tag = `"${file.hash}${encoding === null ? '' : `-${encoding}`}"`;
  response.setHeader('ETag', tag);
  response.setHeader('Cache-Control', lifetime);
  if (file.compressible) response.vary('Accept-Encoding');
  if (isKnown(request.headers['if-none-match'], tag)) {
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

/** RFC 9110 §13.1.2: a list of tags, compared weakly, or anything at all. */
function isKnown(header: string | undefined, tag: string): boolean {
  const known = (header ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  return known.includes(tag) || known.includes('*');
}
