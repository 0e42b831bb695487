import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse } from 'node:querystring';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HttpException, Injectable, PreconditionFailedException } from '@nestjs/common';
import { ValidationError } from '../../common/errors.js';
import { CommonHeaders } from '../../http/server/common-headers.js';
import { RequestLog } from '../../http/server/request-log.js';
import { wasFullySent } from '../../http/server/was-fully-sent.js';
import { BinaryCache } from '../binaries/binary-cache.js';
import { ImageCheck } from '../binaries/image-check.js';
import { FirmwareRows } from '../firmware-rows.js';
import type { Firmware } from '../firmware.entity.js';
import {
  etagOf,
  failsIfMatch,
  hasAlready,
  headersOf,
  runsAlready,
  wantedRange,
} from './download-conditions.js';
import type { ByteRange } from './download-conditions.js';
import { DownloadCounter } from './download-counter.js';
import { DownloadProgress, writeImage } from './download-progress.js';
import { DownloadRows } from './download-rows.js';
import { DownloadTokens } from './download-tokens.js';
import { toDownloadRequest } from './download.dto.js';
import type { DownloadRequest } from './download.dto.js';

/** Path of the controller; a version follows. */
export const DOWNLOAD_PATH = 'api/firmware/download';
/** The route as the log and the metrics name it. */
const ROUTE = `/${DOWNLOAD_PATH}/:version`;
// Only what Express would take for the route without decoding or normalising anything.
const TARGET = new RegExp(`^/${DOWNLOAD_PATH}/([0-9A-Za-z.-]+)\\?(.*)$`);

/** What a request gets: a part of the binary, or only a status. */
type Part = (ByteRange & { partial: boolean }) | 'not modified' | 'unsatisfiable' | 'precondition failed';

/** The download, as boards need it (printer protocol, "Download") and as RFC 9110 §13 and §14 define it. */
@Injectable()
export class Downloads {
  constructor(
    private readonly rows: DownloadRows,
    private readonly firmware: FirmwareRows,
    private readonly cache: BinaryCache,
    private readonly check: ImageCheck,
    private readonly counter: DownloadCounter,
    private readonly progress: DownloadProgress,
    private readonly tokens: DownloadTokens,
    private readonly requests: RequestLog,
    private readonly headers: CommonHeaders,
  ) {}

  /** Answers a request that the gate has let in. */
  async send(request: IncomingMessage, response: ServerResponse, wanted: DownloadRequest): Promise<void> {
    const row = await this.rows.get(wanted.selector);
    const part = partOf(request, row);
    if (part === 'precondition failed') throw new PreconditionFailedException();
    if (part === 'unsatisfiable') {
      response.setHeader('Content-Range', `bytes */${row.fileSize}`);
      throw new HttpException('Range Not Satisfiable', 416);
    }
    if (part === 'not modified') {
      response.writeHead(304, ['ETag', etagOf(row)]).end();
      return;
    }
    if (this.cache.fits(row)) {
      const image = await this.cache.get(row);
      this.begin(request, response, wanted, row, part, []);
      if (request.method === 'HEAD') response.end();
      else writeImage(response, image.subarray(part.start, part.end + 1));
      return;
    }
    const stream = await this.check.stream(row, part.start, part.end);
    this.begin(request, response, wanted, row, part, []);
    if (request.method === 'HEAD') response.end();
    else await streamed(stream, response);
  }

  /**
   * Answers what boards send to the address of an update message, without Express, which would take several times as long as everything else
   * (bench/README.md): a GET without a key, with a valid token, for a binary in memory. The gate lets such a request in, whether keys are in
   * force or not. Returns false for any other request, which it does not touch.
   */
  sendFromMemory(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'GET' || !this.headers.areEnoughFor(request)) return false;
    const wanted = wantedBy(request);
    if (wanted === null || this.tokens.verify(wanted) !== 'valid') return false;
    const row = this.rows.inMemory(wanted.selector);
    const image = row && this.cache.inMemory(row);
    if (row === null || image === null) return false;
    const part = partOf(request, row);
    if (typeof part === 'string') return false;
    this.requests.watch(request, response, () => ROUTE);
    this.begin(request, response, wanted, row, part, this.headers.list);
    writeImage(response, image.subarray(part.start, part.end + 1));
    return true;
  }

  /** Writes the head of an answer with a body, and follows it to its end. */
  private begin(
    request: IncomingMessage,
    response: ServerResponse,
    { printer, token }: DownloadRequest,
    row: Firmware,
    { start, end, partial }: ByteRange & { partial: boolean },
    headers: readonly string[],
  ): void {
    const range = partial ? ['Content-Range', `bytes ${start}-${end}/${row.fileSize}`] : [];
    // A board speaks HTTP/1.0, and fails without a length (printer protocol, "Download").
    const length = ['Content-Length', String(end - start + 1)];
    response.writeHead(partial ? 206 : 200, [...headers, ...headersOf(row), ...range, ...length]);
    if (request.method === 'HEAD') return;
    if (printer !== undefined) {
      this.progress.watch(row, printer, response);
      // A download must not fail because its sign of life cannot be recorded.
      if (!this.tokens.isFresh(token)) this.firmware.downloadProgressed(row, printer).catch(() => undefined);
    }
    // A download in several ranges counts once: for the range that contains the last byte.
    if (end === row.fileSize - 1)
      response.once('close', () => {
        if (wasFullySent(response)) this.counter.count(row.id);
      });
  }
}

/** The download that a request addresses; null if it does not address one in the plainest form, or wrongly. */
function wantedBy({ url = '' }: IncomingMessage): DownloadRequest | null {
  const [, version, query = ''] = TARGET.exec(url) ?? [];
  if (version === undefined) return null;
  try {
    return toDownloadRequest(version, parse(query));
  } catch (error) {
    if (error instanceof ValidationError) return null;
    throw error;
  }
}

function partOf(request: IncomingMessage, row: Firmware): Part {
  if (failsIfMatch(request, row)) return 'precondition failed';
  if (hasAlready(request, row) || runsAlready(request, row)) return 'not modified';
  // RFC 9110 §14.2: a Range applies to GET only.
  const range = request.method === 'HEAD' ? null : wantedRange(request, row);
  if (range === 'unsatisfiable') return range;
  return range === null ? { start: 0, end: row.fileSize - 1, partial: false } : { ...range, partial: true };
}

/** Sends an image that is too large for memory. */
async function streamed(file: Readable, response: ServerResponse): Promise<void> {
  try {
    await pipeline(file, response);
  } catch {
    // The client disconnected, or the file could not be read to its end. The connection is closed, so the client sees that the image is
    // incomplete.
  }
}
