import { ValidationError } from '../common/errors.js';
import { trimBlanks } from '../common/text.js';
import { isUuid } from '../common/uuid.js';
import { MAX_PLATFORM_LENGTH } from '../common/validators.js';
import { MAX_VERSION_LENGTH, parseReportedVersion } from '../common/version.js';
import { keyHashOf } from '../printer/registration/admission.js';
import type { SubscribeRequest } from '../printer/subscribe-request.js';
import { MessageFields, firstCodePoints, shownValue } from './message-fields.js';
import type { Message } from './message-fields.js';

/** Where a message came from. */
export interface Origin {
  /** The UUID in the path of the connection, lower-case. */
  pathId: string;
  address: string;
}

const LONGEST_NAME = 128;
const LONGEST_SECRET = 1_024;
/** Number of characters of its UUID that name a printer without a name. */
const NAME_FROM_UUID = 8;

/**
 * Reads a subscribe (printer protocol, "Subscribe"). Only the printer's UUID must be valid: an update may be the only cure for anything
 * else that is wrong, so an unusable field counts as absent and becomes one of the printer's problems (decisions, "Printers").
 *
 * @throws ValidationError if the message does not identify its printer
 */
export function parseSubscribe(message: Message, { pathId, address }: Origin): SubscribeRequest {
  const fields = new MessageFields(message);
  const uuid = printerUuid(fields);
  if (fields.has('kind'))
    fields.note({ field: 'kind', value: shownValue(message.kind), message: 'a subscribe has no kind' });
  return {
    uuid,
    name: readName(fields, uuid),
    keyHash: readKeyHash(fields),
    userId: fields.uuid('user_id'),
    pathId,
    platform: readPlatform(fields),
    ...readVersion(fields),
    autoUpdate: fields.boolean('auto_update'),
    channel: fields.channel('update_channel'),
    address,
    problems: fields.problems,
  };
}

/** First-generation firmware sends no printer_id, and puts the printer's UUID into api_key. */
function printerUuid(fields: MessageFields): string {
  const field = fields.has('printer_id') ? 'printer_id' : 'api_key';
  if (!fields.has(field)) {
    const problem = 'message must have a kind, or a printer_id (first generation: an api_key)';
    throw ValidationError.field(fields.has('printer_name') ? 'printer_id' : 'kind', undefined, problem);
  }
  const value = fields.value(field);
  if (isUuid(value)) return value.toLowerCase();
  if (field === 'printer_id')
    throw ValidationError.field(field, shownValue(value), 'printer_id must be the UUID of the printer');
  throw ValidationError.field(field, undefined, 'api_key must be a UUID if there is no printer_id');
}

function readName(fields: MessageFields, uuid: string): string {
  const short = uuid.slice(0, NAME_FROM_UUID);
  if (!fields.has('printer_name')) return short;
  const name = fields.text('printer_name', LONGEST_NAME);
  if (name !== null && name !== '') return name;
  if (name === '')
    fields.note({ field: 'printer_name', value: '', message: 'printer_name must not be empty' });
  return `Printer ${short}`;
}

/**
 * A secret is never truncated, because two secrets must not become one. A printer that must authenticate is refused if its secret is
 * unusable.
 */
function readKeyHash(fields: MessageFields): string | null {
  // An api_key that equals the printer's UUID is not a secret.
  if (!fields.has('printer_id')) return null;
  const secret = fields.text('api_key', LONGEST_SECRET, true);
  return secret === null || secret === '' ? null : keyHashOf(secret);
}

/** Accepts any text, because only the names of existing builds have a meaning. A truncated name could become that of another board. */
function readPlatform(fields: MessageFields): string | null {
  const platform = fields.text('platform', MAX_PLATFORM_LENGTH)?.trim().toLowerCase();
  return platform === undefined || platform === '' ? null : platform;
}

/** An unreadable version is never replaced by the recorded one: the printer may run something newer by now, and could be downgraded. */
function readVersion(fields: MessageFields): Pick<SubscribeRequest, 'firmwareVersion' | 'unreadableVersion'> {
  const field = 'firmware_version';
  const value = fields.value(field);
  const text = typeof value === 'string' ? trimBlanks(value) : value;
  if (text === null || text === '') return { firmwareVersion: null, unreadableVersion: null };
  const version = typeof text === 'string' ? parseReportedVersion(text) : null;
  if (version !== null) return { firmwareVersion: version, unreadableVersion: null };
  fields.note({
    field,
    value: shownValue(value),
    message: `${field} must be a semantic version such as 1.5.0 or 1.5.0-beta.2`,
  });
  return { firmwareVersion: null, unreadableVersion: firstCodePoints(shownValue(text), MAX_VERSION_LENGTH) };
}
