import { CHANNELS } from '../common/channel.js';
import type { Channel } from '../common/channel.js';
import { Invalid } from '../common/errors.js';
import type { Refused } from '../common/errors.js';
import { refuseForeign } from '../common/plain-json.js';
import type { JsonLimits } from '../common/plain-json.js';
import { isUuid } from '../common/uuid.js';
import { MAX_PLATFORM_LENGTH } from '../common/validators.js';
import { parseVersionField } from '../common/version.js';
import { keyHashOf } from '../printer/printer-gate.js';
import type { PrinterHello } from '../printer/printer.service.js';
import type { Offer } from '../rollout/offer.service.js';
import type { Report } from '../rollout/update-reports.js';

/** Where a message came from. */
export interface Origin {
  /** The UUID in the path of the connection, lower-case. */
  pathId: string;
  address: string;
}

/** A message of a printer, understood. */
export type PrinterMessage =
  | { kind: 'subscribe'; hello: PrinterHello }
  /** `printerId`: whom it names, lower-case; reports need not name anybody. */
  | { kind: 'report'; report: Report; printerId: string | null };

type Message = Record<string, unknown>;

const LONGEST_NAME = 128;
const LONGEST_SECRET = 1_024;
const LONGEST_TEXT = 1_000;

/**
 * Understands a text frame (printer protocol, "Subscribe" and "Reports"). Fields that it does not know are passed over.
 *
 * @param limits how large it may be
 * @throws Invalid saying what is wrong, in words
 */
export function parseMessage(text: string, origin: Origin, limits: JsonLimits): PrinterMessage {
  const message = parseObject(text, limits);
  const { kind } = message;
  if (kind === undefined) return { kind: 'subscribe', hello: toHello(message, origin) };
  const { printer_id: id } = message;
  return { kind: 'report', report: toReport(kind, message), printerId: isUuid(id) ? id.toLowerCase() : null };
}

function parseObject(text: string, limits: JsonLimits): Message {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw Invalid.field('message', text, 'message must be JSON');
  }
  refuseForeign(value, 'message', limits);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw Invalid.field('message', value, 'message must be a JSON object');
  }
  return value as Message;
}

function toHello(message: Message, { pathId, address }: Origin): PrinterHello {
  if (message.printer_name === undefined && message.printer_id === undefined) {
    const problem = 'message must have a kind, or printer_name together with printer_id or api_key';
    throw Invalid.field('kind', undefined, problem);
  }
  const name = readText(message, 'printer_name');
  if (name === null || name.length < 1 || name.length > LONGEST_NAME)
    throw Invalid.field(
      'printer_name',
      name,
      `printer_name must be a text of 1 to ${LONGEST_NAME} characters`,
    );
  const printerId = readUuid(message, 'printer_id');
  // First-generation firmware sends no printer_id, and puts the printer's UUID into api_key.
  const id = printerId ?? readText(message, 'api_key');
  if (id === null) throw Invalid.field('printer_id', null, 'printer_id must be a UUID');
  if (!isUuid(id))
    throw Invalid.field('api_key', undefined, 'api_key must be a UUID where there is no printer_id');
  // Where the api_key is the printer's UUID it is no secret.
  const secret = printerId === null ? null : readText(message, 'api_key');
  // Not cut short, as other texts are: two secrets must not become one.
  if (secret !== null && secret.length > LONGEST_SECRET)
    throw Invalid.field('api_key', undefined, `api_key must be at most ${LONGEST_SECRET} characters long`);
  return {
    uuid: id.toLowerCase(),
    name,
    keyHash: secret === null || secret === '' ? null : keyHashOf(secret),
    userId: readUuid(message, 'user_id')?.toLowerCase() ?? null,
    pathId,
    platform: toPlatform(readText(message, 'platform')),
    firmwareVersion: readVersion(message, 'firmware_version'),
    autoUpdate: readBoolean(message, 'auto_update'),
    channel: readChannel(message, 'update_channel'),
    address,
  };
}

// Any text: only a name that some build has means something.
function toPlatform(text: string | null): string | null {
  const platform = (text ?? '').trim().toLowerCase().slice(0, MAX_PLATFORM_LENGTH);
  return platform === '' ? null : platform;
}

function toReport(kind: unknown, message: Message): Report {
  switch (kind) {
    case 'firmware_progress': {
      const { percent } = message;
      if (typeof percent !== 'number' || !(percent === -1 || (percent >= 0 && percent <= 100))) {
        const problem = 'percent must be a number from 0 to 100, or -1 for an error';
        throw Invalid.field('percent', percent, problem);
      }
      const status = readText(message, 'status')?.slice(0, LONGEST_TEXT) ?? null;
      return { kind: 'progress', percent: Math.floor(percent), status };
    }
    case 'firmware_complete': {
      const version = readVersion(message, 'version');
      if (version === null) throw Invalid.field('version', null, 'version must be a semantic version');
      return { kind: 'complete', version };
    }
    case 'firmware_failed': {
      const error = readText(message, 'error');
      return { kind: 'failed', error: error ? error.slice(0, LONGEST_TEXT) : 'The printer gave no reason' };
    }
    case 'firmware_declined':
      return {
        kind: 'declined',
        version: readVersion(message, 'version'),
        autoUpdate: readBoolean(message, 'auto_update'),
      };
    default:
      throw Invalid.field('kind', kind, 'kind is none that a printer sends');
  }
}

// Read by hand, not by a validator of decorated classes: that took longer than all else that a message costs
// (docs/PERFORMANCE.md). A field that is null counts as absent.

function readText(message: Message, field: string): string | null {
  const value = message[field] ?? null;
  if (value === null || typeof value === 'string') return value;
  throw Invalid.field(field, value, `${field} must be a text`);
}

function readBoolean(message: Message, field: string): boolean | null {
  const value = message[field] ?? null;
  if (value === null || typeof value === 'boolean') return value;
  throw Invalid.field(field, value, `${field} must be true or false`);
}

function readUuid(message: Message, field: string): string | null {
  const value = message[field] ?? null;
  if (value === null || isUuid(value)) return value;
  throw Invalid.field(field, value, `${field} must be a UUID`);
}

function readVersion(message: Message, field: string): string | null {
  const value = readText(message, field);
  return value === null ? null : parseVersionField(field, value);
}

function readChannel(message: Message, field: string): Channel | null {
  const value = message[field] ?? null;
  const channel = CHANNELS.find((one) => one === value);
  if (value !== null && channel === undefined)
    throw Invalid.field(field, value, `${field} must be one of ${CHANNELS.join(', ')}`);
  return channel ?? null;
}

/** Codes of the server's status messages. */
export type StatusCode =
  'info' | 'subscription_accepted' | 'validation_error' | 'server_error' | Refused['code'];

/** A status message, as it goes over the wire. */
export function statusMessage(code: StatusCode, detail: string, now: Date): string {
  // Put together by hand: it is half of all that is sent.
  return `{"kind":"status","code":"${code}","detail":${JSON.stringify(detail)},"timestamp":"${now.toISOString()}"}`;
}

/** The update message, as it goes over the wire (printer protocol, "Update"): these names are fixed. */
export function updateMessage(offer: Offer, baseUrl: string): string {
  const { version, platform, md5, signature, downloadPath } = offer;
  const board = platform === null ? '' : `,"platform":${JSON.stringify(platform)}`;
  const url = JSON.stringify(baseUrl + downloadPath);
  const signed = signature === null ? '' : `,"signature":"${signature}"`;
  return `{"kind":"firmware_update","version":${JSON.stringify(version)}${board},"url":${url},"md5":"${md5}"${signed}}`;
}
