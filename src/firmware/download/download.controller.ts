import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Controller, Get, HttpException, PreconditionFailedException, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ApiBadInput, ApiProblem } from '../../http/api-answers.js';
import { wasFullySent } from '../../http/server/was-fully-sent.js';
import { DeclareAccess } from '../../http/route-access.js';
import { BinaryCache } from '../binaries/binary-cache.js';
import { DownloadCounter } from './download-counter.js';
import { DownloadProgress, writeImage } from './download-progress.js';
import {
  etagOf,
  headersOf,
  hasAlready,
  runsAlready,
  wantedRange,
  failsIfMatch,
} from './download-conditions.js';
import { ApiDownloadRequest, toDownloadRequest } from './download.dto.js';
import { FirmwareRows } from '../firmware-rows.js';
import { ImageCheck } from '../binaries/image-check.js';

/** The download, as boards need it (printer protocol, "Download") and as RFC 9110 §13 and §14 define it. */
@ApiTags('firmware')
@Controller('api/firmware/download')
export class DownloadController {
  constructor(
    private readonly firmware: FirmwareRows,
    private readonly cache: BinaryCache,
    private readonly check: ImageCheck,
    private readonly counter: DownloadCounter,
    private readonly progress: DownloadProgress,
  ) {}

  @Get(':version')
  @DeclareAccess('download')
  @ApiDownloadRequest()
  @ApiOperation({
    summary: 'Download a firmware binary',
    description:
      'Without channel and platform: the most stable channel, the build for every board first. HEAD, Range and If-None-Match ' +
      'work; the answer is never compressed and never redirected.',
  })
  @ApiHeader({
    name: 'Range',
    required: false,
    description: 'E.g. `bytes=0-4095`',
    schema: { type: 'string' },
  })
  @ApiHeader({
    name: 'If-None-Match',
    required: false,
    description: 'The SHA-256, quoted: 304 if it is that of the binary',
    schema: { type: 'string' },
  })
  @ApiHeader({
    name: 'x-ESP8266-version',
    required: false,
    description: 'The version that a board runs (or `x-ESP32-version`): 304 if it is the requested one',
    schema: { type: 'string' },
  })
  @ApiHeader({
    name: 'x-ESP8266-sketch-md5',
    required: false,
    description:
      'The MD5 of the image that a board runs (or `x-ESP32-sketch-md5`, `x-ESP32-sketch-sha256`): 304 likewise',
    schema: { type: 'string' },
  })
  @ApiOkResponse({
    description: 'The whole binary',
    headers: {
      'Content-Length': { schema: { type: 'integer', example: 1048576 } },
      ETag: { description: 'The SHA-256, quoted', schema: { type: 'string' } },
      'x-MD5': { description: 'The MD5, hexadecimal', schema: { type: 'string' } },
      'x-Signature-Ed25519': {
        description: 'Detached signature over the whole binary, base64; absent if the build has none',
        schema: { type: 'string' },
      },
      'Repr-Digest': { description: 'RFC 9530', schema: { type: 'string', example: 'sha-256=:...:' } },
    },
    content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
  })
  @ApiResponse({
    status: 206,
    description: 'The requested range',
    headers: { 'Content-Range': { schema: { type: 'string', example: 'bytes 0-4095/1048576' } } },
    content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
  })
  @ApiResponse({
    status: 304,
    description: 'The client already has this binary',
    headers: { ETag: { description: 'The SHA-256, quoted', schema: { type: 'string' } } },
  })
  @ApiBadInput('version', '1.x', 'version must be a semantic version such as 1.5.0 or 1.5.0-beta.2')
  @ApiProblem(404, 'No such firmware', 'Firmware version not found: 1.5.0')
  @ApiProblem(412, 'If-Match names another binary', 'Precondition Failed')
  @ApiProblem(416, 'The range lies outside the binary', 'Range Not Satisfiable')
  async download(@Req() request: Request, @Res() response: Response): Promise<void> {
    const { selector, printer } = toDownloadRequest(request.params.version, request.query);
    const row = await this.firmware.get(selector);
    if (failsIfMatch(request, row)) throw new PreconditionFailedException();
    if (hasAlready(request, row) || runsAlready(request, row)) {
      response.status(304).setHeader('ETag', etagOf(row)).end();
      return;
    }
    // RFC 9110 §14.2: a Range applies to GET only.
    const range = request.method === 'HEAD' ? null : wantedRange(request, row);
    if (range === 'unsatisfiable') {
      response.setHeader('Content-Range', `bytes */${row.fileSize}`);
      throw new HttpException('Range Not Satisfiable', 416);
    }
    const { start, end } = range ?? { start: 0, end: row.fileSize - 1 };
    const body = this.cache.fits(row)
      ? (await this.cache.get(row)).subarray(start, end + 1)
      : await this.check.stream(row, start, end);
    if (request.method === 'GET' && printer !== undefined) {
      this.progress.watch(row, printer, response);
      // A download must not fail because its sign of life cannot be recorded.
      await this.firmware.downloadProgressed(row, printer).catch(() => undefined);
    }
    for (const [name, value] of Object.entries(headersOf(row))) response.setHeader(name, value);
    if (range !== null)
      response.status(206).setHeader('Content-Range', `bytes ${start}-${end}/${row.fileSize}`);
    // A board speaks HTTP/1.0, and fails without a length (printer protocol, "Download").
    response.setHeader('Content-Length', end - start + 1);
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const whole = Buffer.isBuffer(body) ? await sent(response, body) : await streamed(body, response);
    // A download in several ranges counts once: for the range that contains the last byte.
    if (whole && end === row.fileSize - 1) this.counter.count(row.id);
  }
}

/** Resolves when a response has ended: true if it was sent completely, false if the client disconnected before. */
function sent(response: Response, body: Buffer): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    response.once('close', () => resolve(wasFullySent(response)));
    writeImage(response, body);
  });
}

/** Sends an image that is too large for memory. Resolves like `sent`. */
async function streamed(file: Readable, response: Response): Promise<boolean> {
  try {
    await pipeline(file, response);
    return true;
  } catch {
    // The client disconnected, or the file could not be read to its end. The connection is closed, so the client sees that the image is
    // incomplete.
    return false;
  }
}
