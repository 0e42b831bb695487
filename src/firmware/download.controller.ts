import { Controller, Get, Logger, Param, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ApiBadInput, ApiProblem } from '../common/api-answers.js';
import { plainAddress } from '../common/address.js';
import { isVersion, parseVersion } from '../common/version.js';
import { FirmwareStorage } from './firmware-storage.js';
import type { Firmware } from './firmware.entity.js';
import { FirmwareRowQuery, VersionParam, toSelector } from './firmware.dto.js';
import { FirmwareService } from './firmware.service.js';

const BINARY_HEADERS = ['ETag', 'x-MD5', 'Repr-Digest', 'Content-Disposition', 'Content-Type'] as const;

/** The download, as boards need it (printer protocol, "Download") and as RFC 9110 §13 and §14 want it. */
@ApiTags('firmware')
@Controller('api/firmware/download')
export class DownloadController {
  private readonly logger = new Logger(DownloadController.name);

  constructor(
    private readonly firmware: FirmwareService,
    private readonly storage: FirmwareStorage,
  ) {}

  @Get(':version')
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
    description: 'The SHA-256, quoted: 304 where that is the binary',
    schema: { type: 'string' },
  })
  @ApiHeader({
    name: 'x-ESP8266-version',
    required: false,
    description: 'The version that a board runs (or `x-ESP32-version`): 304 where it is the one asked for',
    schema: { type: 'string' },
  })
  @ApiHeader({
    name: 'x-ESP8266-sketch-md5',
    required: false,
    description:
      'The MD5 of what a board runs (or `x-ESP32-sketch-md5`, `x-ESP32-sketch-sha256`): 304 likewise',
    schema: { type: 'string' },
  })
  @ApiOkResponse({
    description: 'The whole binary',
    headers: {
      'Content-Length': { schema: { type: 'integer', example: 1048576 } },
      ETag: { description: 'The SHA-256, quoted', schema: { type: 'string' } },
      'x-MD5': { description: 'The MD5, hexadecimal', schema: { type: 'string' } },
      'Repr-Digest': { description: 'RFC 9530', schema: { type: 'string', example: 'sha-256=:...:' } },
    },
    content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
  })
  @ApiResponse({
    status: 206,
    description: 'The range that was asked for',
    headers: { 'Content-Range': { schema: { type: 'string', example: 'bytes 0-4095/1048576' } } },
    content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
  })
  @ApiResponse({
    status: 304,
    description: 'The client has this binary already',
    headers: { ETag: { description: 'The SHA-256, quoted', schema: { type: 'string' } } },
  })
  @ApiBadInput('version', '1.x', 'version must be a semantic version such as 1.5.0 or 1.5.0-beta.2')
  @ApiProblem(404, 'No such firmware', 'Firmware version not found')
  @ApiProblem(412, 'If-Match names another binary', 'Precondition Failed')
  @ApiProblem(416, 'The range lies outside the binary', 'Range Not Satisfiable')
  async download(
    @Param() param: VersionParam,
    @Query() query: FirmwareRowQuery,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const row = await this.firmware.get(toSelector(param, query));
    const etag = `"${row.sha256}"`;
    if (hasAlready(request, etag) || runsAlready(request, row)) {
      response.status(304).setHeader('ETag', etag).end();
      return;
    }
    if (!(await this.storage.holds(row.sha256, row.fileSize))) {
      throw new Error(
        `The binary of firmware ${row.version} is missing or cut short: ${this.storage.pathOf(row.sha256)}`,
      );
    }
    if (request.method === 'GET')
      await this.firmware.downloadBegun(row, plainAddress(request.socket.remoteAddress));
    dropVoidRange(request, etag, row.fileSize);
    response.setHeader('ETag', etag);
    response.setHeader('x-MD5', row.md5);
    response.setHeader('Repr-Digest', `sha-256=:${Buffer.from(row.sha256, 'hex').toString('base64')}:`);
    response.setHeader('Content-Disposition', `attachment; filename="paperminder-${row.version}.bin"`);
    response.setHeader('Content-Type', 'application/octet-stream');
    if ((await this.send(row, response)) && deliveredLastByte(request, response, row)) {
      await this.firmware.countDownload(row.id);
    }
  }

  /** Sends the file; false where the client went away before the end. */
  private send(row: Firmware, response: Response): Promise<boolean> {
    const path = this.storage.pathOf(row.sha256);
    // `send` sets Content-Length itself, which an HTTP/1.0 board needs, and keeps the ETag that is set already.
    const options = { dotfiles: 'allow', lastModified: false, cacheControl: false } as const;
    return new Promise((resolve, reject) => {
      response.sendFile(path, options, (error?: Error & { code?: string }) => {
        if (!error) resolve(true);
        else if (response.headersSent || error.code === 'ECONNABORTED') {
          this.logger.debug(`A download of ${row.version} broke off: ${error.message}`);
          resolve(false);
        } else {
          for (const header of BINARY_HEADERS) response.removeHeader(header);
          reject(error);
        }
      });
    });
  }
}

/** RFC 9110 §13.1.2. Express's own check passes over it beside `Cache-Control: no-cache`, which is a word to caches. */
function hasAlready(request: Request, etag: string): boolean {
  const known = request.get('If-None-Match')?.split(',') ?? [];
  return known.some((one) => ['*', etag].includes(one.trim().replace(/^W\//, '')));
}

/**
 * Takes a Range header away that does not count, so that the whole binary is sent: one for another representation (RFC 9110
 * §13.1.5, strong comparison), one that ends before it begins, and a suffix that is longer than the binary (§14.1.2).
 */
function dropVoidRange(request: Request, etag: string, size: number): void {
  const condition = request.get('If-Range');
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(request.get('Range') ?? '') ?? [];
  const endsBeforeItBegins = first !== '' && last !== '' && Number(last) < Number(first);
  const longerThanAll = first === '' && Number(last) >= size;
  if ((condition !== undefined && condition !== etag) || endsBeforeItBegins || longerThanAll) {
    delete request.headers.range;
  }
}

/** True where the board says, in its own headers, that it runs this version or these bytes. */
function runsAlready(request: Request, row: Firmware): boolean {
  const version = request.get('x-ESP8266-version') ?? request.get('x-ESP32-version');
  if (version !== undefined && isVersion(version) && parseVersion(version) === row.version) return true;
  const md5 = request.get('x-ESP8266-sketch-md5') ?? request.get('x-ESP32-sketch-md5');
  return md5?.toLowerCase() === row.md5 || request.get('x-ESP32-sketch-sha256')?.toLowerCase() === row.sha256;
}

// One download made of many ranges counts once: the range that holds the last byte is the one that counts.
function deliveredLastByte(request: Request, response: Response, row: Firmware): boolean {
  if (request.method !== 'GET') return false;
  if (response.statusCode === 200) return true;
  return (
    response.statusCode === 206 && response.get('Content-Range')?.includes(`-${row.fileSize - 1}/`) === true
  );
}
