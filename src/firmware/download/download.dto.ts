import { applyDecorators } from '@nestjs/common';
import { ApiParam, ApiQuery } from '@nestjs/swagger';
import { CHANNELS } from '../../common/channel.js';
import { ValidationError } from '../../common/errors.js';
import { rejectUnknownQuery } from '../../http/reject-unknown-query.js';
import { isDigits } from '../../http/query-fields.js';
import { isPlatform } from '../../common/validators.js';
import { parseVersionField } from '../../common/version.js';
import { toPlatform } from '../firmware.dto.js';
import type { FirmwareSelector } from '../firmware-input.js';

/** A parsed download request. */
export interface DownloadRequest {
  selector: FirmwareSelector;
  /** The printer that downloads; undefined if the URL names none. */
  printer: number | undefined;
  token: string | undefined;
}

const QUERY = ['channel', 'platform', 'sha256', 'printer', 'token'];

const SHA256_PREFIX = /^[0-9a-f]{8,64}$/i;

/**
 * Parses path and query of a download.
 *
 * @throws ValidationError naming the field
 */
export function toDownloadRequest(version: unknown, query: Record<string, unknown>): DownloadRequest {
  rejectUnknownQuery(query, QUERY);
  const { channel, platform, sha256, printer, token } = query;
  const found = CHANNELS.find((one) => one === channel);
  if (channel !== undefined && found === undefined)
    throw ValidationError.field(
      'channel',
      channel,
      `channel must be one of the following values: ${CHANNELS.join(', ')}`,
    );
  if (platform !== undefined && !isPlatform(platform))
    throw ValidationError.field('platform', platform, 'platform must be the name of a board such as esp8266');
  if (sha256 !== undefined && (typeof sha256 !== 'string' || !SHA256_PREFIX.test(sha256)))
    throw ValidationError.field(
      'sha256',
      sha256,
      'sha256 must be 8 to 64 hexadecimal digits, the first of the SHA-256',
    );
  if (printer !== undefined && !isDigits(printer))
    throw ValidationError.field('printer', printer, 'printer must be the number of a printer');
  if (token !== undefined && typeof token !== 'string')
    throw ValidationError.field('token', token, 'token must be a text');
  return {
    selector: {
      version: parseVersionField('version', String(version)),
      channel: found,
      platform: toPlatform(platform?.toLowerCase()),
      sha256: sha256?.toLowerCase(),
    },
    printer: printer === undefined ? undefined : Number(printer),
    token,
  };
}

/** Documents the parameters of `toDownloadRequest`. */
export const ApiDownloadRequest = (): MethodDecorator =>
  applyDecorators(
    ApiParam({ name: 'version', type: String, example: '1.5.0' }),
    ApiQuery({ name: 'channel', enum: CHANNELS, required: false }),
    ApiQuery({
      name: 'platform',
      type: String,
      required: false,
      description: 'A board, e.g. `esp8266`; `any` names the build for every board',
    }),
    ApiQuery({
      name: 'sha256',
      type: String,
      required: false,
      description:
        'The SHA-256 of the binary, or its first digits (8 or more): 404 if the build has other bytes. Part of the URL in the update message.',
    }),
    ApiQuery({
      name: 'printer',
      type: 'integer',
      required: false,
      description:
        'Number of the printer that downloads: its download keeps its update alive. Part of the URL in the update message.',
    }),
    ApiQuery({
      name: 'token',
      type: String,
      required: false,
      description:
        'Allows this printer to download this version without a key, for an hour. Part of the URL in the update message.',
    }),
  );
