import { ValidationError } from '../common/errors.js';
import type { PrinterRefusedError } from '../common/errors.js';
import { trimBlanks } from '../common/text.js';
import { isUuid } from '../common/uuid.js';
import type { SubscribeRequest } from '../printer/subscribe-request.js';
import type { Offer } from '../rollout/updates/offer.js';
import type { Report } from '../rollout/updates/plan/report.js';
import type { Message } from './message-fields.js';
import { parseReport } from './report-message.js';
import { parseSubscribe } from './subscribe-message.js';
import type { Origin } from './subscribe-message.js';

/** A parsed message of a printer. */
export type PrinterMessage =
  | { kind: 'subscribe'; hello: SubscribeRequest }
  /** `printerId`: the UUID that it names, lower-case; null in a report that names none. */
  | { kind: 'report'; report: Report; printerId: string | null };

/**
 * Parses a text frame (printer protocol, "Subscribe" and "Reports"). Ignores unknown fields, whatever they hold: a frame is small, and only
 * fields with a meaning are read.
 *
 * @throws ValidationError describing what is wrong
 */
export function parseMessage(text: string, origin: Origin): PrinterMessage {
  const message = parseObject(text);
  const { kind } = message;
  // Only a text can be the kind of a report.
  if (typeof kind !== 'string' || kind === '')
    return { kind: 'subscribe', hello: parseSubscribe(message, origin) };
  const { printer_id: id } = message;
  return { kind: 'report', report: parseReport(message), printerId: isUuid(id) ? id.toLowerCase() : null };
}

function parseObject(text: string): Message {
  let value: unknown;
  try {
    value = JSON.parse(trimBlanks(text));
  } catch {
    throw ValidationError.field('message', text, 'message must be JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw ValidationError.field(
      'message',
      Array.isArray(value) ? '(a list)' : value,
      'message must be a JSON object',
    );
  }
  return value as Message;
}

/** Codes of the server's status messages. */
export type StatusCode =
  'info' | 'subscription_accepted' | 'validation_error' | 'server_error' | PrinterRefusedError['code'];

/** Builds a status message as it is sent. */
export function statusMessage(code: StatusCode, detail: string, now: Date): string {
  return JSON.stringify({ kind: 'status', code, detail, timestamp: now.toISOString() });
}

/** Builds the update message as it is sent (printer protocol, "Update"): these names are fixed. */
export function updateMessage(offer: Offer, baseUrl: string): string {
  const { version, platform, md5, signature, downloadPath } = offer;
  return JSON.stringify({
    kind: 'firmware_update',
    version,
    platform: platform ?? undefined,
    url: baseUrl + downloadPath,
    md5,
    signature: signature ?? undefined,
  });
}
