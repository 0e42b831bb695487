import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { wasDelivered } from '../common/delivered.js';
import { DomainError } from '../common/errors.js';
import { BinaryCache } from './binary-cache.js';
import { DownloadCounter } from './download-counter.js';
import { DownloadProgress, writeImage } from './download/download-progress.js';
import { DownloadTokens } from './download-tokens.js';
import { hasConditions, headersOf } from './download-conditions.js';
import { toDownloadRequest } from './download.dto.js';
import type { DownloadRequest } from './download.dto.js';
import type { Firmware } from './firmware.entity.js';
import { FirmwareRows } from './firmware-rows.js';

/** The route of the download, as `DownloadController` declares it. */
export const DOWNLOAD_ROUTE = '/api/firmware/download/:version';
// Only what needs no decoding, and so has one meaning; every other spelling goes to the router.
const TARGET = /^\/api\/firmware\/download\/([\w.-]+)(?:\?([\w.=&-]*))?$/;

/**
 * The download that a fleet asks for: a whole image that is in memory already. Express and Nest take longer for it than the image
 * itself (docs/PERFORMANCE.md). Everything else (conditions, ranges, HEAD, browsers, errors, the first download of an image) is
 * left to `DownloadController`, which answers in the same way.
 */
@Injectable()
export class FastDownload {
  constructor(
    private readonly firmware: FirmwareRows,
    private readonly cache: BinaryCache,
    private readonly counter: DownloadCounter,
    private readonly progress: DownloadProgress,
    private readonly tokens: DownloadTokens,
  ) {}

  /**
   * Answers a request.
   *
   * @param closed true where a download needs a key or a token
   * @param watch called first where the request is answered here
   * @returns false where it is left alone
   */
  answer(request: IncomingMessage, response: ServerResponse, closed: boolean, watch: () => void): boolean {
    if (request.method !== 'GET' || hasConditions(request)) return false;
    const found = this.find(request.url ?? '');
    if (found === null) return false;
    const { row, asked } = found;
    if (closed && this.tokens.verify(asked) !== 'valid') return false;
    const image = this.cache.peek(row);
    if (image === undefined) return false;
    watch();
    response.once('close', () => {
      if (wasDelivered(response)) this.counter.count(row.id);
    });
    void this.send(row, image, asked.printer, response);
    return true;
  }

  private async send(
    row: Firmware,
    image: Buffer,
    printer: number | undefined,
    response: ServerResponse,
  ): Promise<void> {
    // A sign of life that cannot be recorded is no reason to send no update.
    if (printer !== undefined) {
      this.progress.watch(row, printer, response);
      await this.firmware.downloadProgressed(row, printer).catch(() => undefined);
    }
    response.writeHead(200, { ...headersOf(row), 'Content-Length': image.length });
    writeImage(response, image);
  }

  private find(url: string): { row: Firmware; asked: DownloadRequest } | null {
    const [, version, query = ''] = TARGET.exec(url) ?? [];
    if (version === undefined) return null;
    const parameters = new URLSearchParams(query);
    const named = Object.fromEntries(parameters);
    // One that stands twice is an error, which the controller names.
    if (Object.keys(named).length !== parameters.size) return null;
    try {
      const asked = toDownloadRequest(version, named);
      return { row: this.firmware.binaryOf(asked.selector), asked };
    } catch (error) {
      // What is wrong with it is said by the controller.
      if (error instanceof DomainError) return null;
      throw error;
    }
  }
}
