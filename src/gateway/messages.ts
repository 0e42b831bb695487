import { plainToInstance } from 'class-transformer';
import { IsBoolean, IsIn, IsOptional, IsString, Length, ValidateBy, validateSync } from 'class-validator';
import { CHANNELS } from '../common/channel.js';
import type { Channel } from '../common/channel.js';
import { Invalid } from '../common/errors.js';
import { refuseForeign } from '../common/plain-json.js';
import { isUuid } from '../common/uuid.js';
import { IsUuid, IsVersion, MAX_PLATFORM_LENGTH, toInvalid } from '../common/validators.js';
import { parseVersion } from '../common/version.js';
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
export type PrinterMessage = { kind: 'subscribe'; hello: PrinterHello } | { kind: 'report'; report: Report };

const LONGEST_TEXT = 1_000;

class SubscribeMessage {
  @IsString()
  @Length(1, 128)
  printer_name!: string;

  @IsOptional()
  @IsUuid()
  printer_id?: string | null;

  @IsOptional()
  @IsString()
  api_key?: string | null;

  @IsOptional()
  @IsUuid()
  user_id?: string | null;

  // Any text: only a name that some build has means something.
  @IsOptional()
  @IsString()
  platform?: string | null;

  @IsOptional()
  @IsVersion()
  firmware_version?: string | null;

  @IsOptional()
  @IsBoolean()
  auto_update?: boolean | null;

  @IsOptional()
  @IsIn(CHANNELS)
  update_channel?: Channel | null;
}

const IsPercent = (): PropertyDecorator =>
  ValidateBy({
    name: 'isPercent',
    validator: {
      validate: (value: unknown) => value === -1 || (typeof value === 'number' && value >= 0 && value <= 100),
      defaultMessage: () => 'percent must be a number from 0 to 100, or -1 for an error',
    },
  });

class ProgressMessage {
  @IsPercent()
  percent!: number;

  @IsOptional()
  @IsString()
  status?: string | null;
}

class CompleteMessage {
  @IsVersion()
  version!: string;
}

class FailedMessage {
  @IsOptional()
  @IsString()
  error?: string | null;
}

class DeclinedMessage {
  @IsOptional()
  @IsVersion()
  version?: string | null;

  @IsOptional()
  @IsBoolean()
  auto_update?: boolean | null;
}

/**
 * Understands a text frame (printer protocol, "Subscribe" and "Reports"). Fields that it does not know are passed over.
 *
 * @throws Invalid saying what is wrong, in words
 */
export function parseMessage(text: string, origin: Origin): PrinterMessage {
  const message = parseObject(text);
  const { kind } = message;
  if (kind === undefined) return { kind: 'subscribe', hello: toHello(message, origin) };
  return { kind: 'report', report: toReport(kind, message) };
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw Invalid.field('message', text, 'message must be JSON');
  }
  refuseForeign(value, 'message');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw Invalid.field('message', value, 'message must be a JSON object');
  }
  return value as Record<string, unknown>;
}

function toHello(message: Record<string, unknown>, { pathId, address }: Origin): PrinterHello {
  if (message.printer_name === undefined && message.printer_id === undefined) {
    const problem = 'message must have a kind, or printer_name together with printer_id or api_key';
    throw Invalid.field('kind', undefined, problem);
  }
  const valid = validated(SubscribeMessage, message);
  // First-generation firmware sends no printer_id, and puts the printer's UUID into api_key.
  const id = valid.printer_id ?? valid.api_key ?? null;
  if (id === null) throw Invalid.field('printer_id', null, 'printer_id must be a UUID');
  if (!isUuid(id))
    throw Invalid.field('api_key', undefined, 'api_key must be a UUID where there is no printer_id');
  return {
    uuid: id.toLowerCase(),
    name: valid.printer_name,
    userId: valid.user_id?.toLowerCase() ?? null,
    pathId,
    platform: toPlatform(valid.platform),
    firmwareVersion: valid.firmware_version == null ? null : parseVersion(valid.firmware_version),
    autoUpdate: valid.auto_update ?? null,
    channel: valid.update_channel ?? null,
    address,
  };
}

function toPlatform(text: string | null | undefined): string | null {
  const platform = (text ?? '').trim().toLowerCase().slice(0, MAX_PLATFORM_LENGTH);
  return platform === '' ? null : platform;
}

function toReport(kind: unknown, message: Record<string, unknown>): Report {
  switch (kind) {
    case 'firmware_progress': {
      const { percent, status } = validated(ProgressMessage, message);
      return {
        kind: 'progress',
        percent: Math.floor(percent),
        status: status?.slice(0, LONGEST_TEXT) ?? null,
      };
    }
    case 'firmware_complete':
      return { kind: 'complete', version: parseVersion(validated(CompleteMessage, message).version) };
    case 'firmware_failed': {
      const { error } = validated(FailedMessage, message);
      return { kind: 'failed', error: error ? error.slice(0, LONGEST_TEXT) : 'The printer gave no reason' };
    }
    case 'firmware_declined': {
      const { version, auto_update } = validated(DeclinedMessage, message);
      return {
        kind: 'declined',
        version: version == null ? null : parseVersion(version),
        autoUpdate: auto_update ?? null,
      };
    }
    default:
      throw Invalid.field('kind', kind, 'kind is none that a printer sends');
  }
}

function validated<T extends object>(type: new () => T, message: Record<string, unknown>): T {
  const instance = plainToInstance(type, message);
  const findings = validateSync(instance, { whitelist: true, validationError: { target: false } });
  if (findings.length > 0) throw toInvalid(findings);
  return instance;
}

/** Codes of the server's status messages. */
export type StatusCode = 'info' | 'subscription_accepted' | 'validation_error' | 'server_error';

/** A status message, as it goes over the wire. */
export function statusMessage(code: StatusCode, detail: string, now: Date): string {
  return JSON.stringify({ kind: 'status', code, detail, timestamp: now.toISOString() });
}

/** The update message, as it goes over the wire (printer protocol, "Update"): these names are fixed. */
export function updateMessage(offer: Offer, baseUrl: string): string {
  return JSON.stringify({
    kind: 'firmware_update',
    version: offer.version,
    ...(offer.platform === null ? {} : { platform: offer.platform }),
    url: baseUrl + offer.downloadPath,
    md5: offer.md5,
  });
}
