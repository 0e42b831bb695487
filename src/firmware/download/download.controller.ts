import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ApiBadInput, ApiProblem } from '../../http/api-answers.js';
import { DeclareAccess } from '../../http/route-access.js';
import { ApiDownloadRequest, toDownloadRequest } from './download.dto.js';
import { DOWNLOAD_PATH, Downloads } from './downloads.js';

/** The route of the download, and its documentation. Most downloads are answered before it is reached (`Downloads.sendFromMemory`). */
@ApiTags('firmware')
@Controller(DOWNLOAD_PATH)
export class DownloadController {
  constructor(private readonly downloads: Downloads) {}

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
    await this.downloads.send(request, response, toDownloadRequest(request.params.version, request.query));
  }
}
