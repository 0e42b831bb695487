import { createHash } from 'node:crypto';

/** The identity of a printer of the benchmark: the same index is the same printer, in the database and on the wire. */
export interface Identity {
  uuid: string;
  userId: string;
  name: string;
  version: string;
  platform: string;
  channel: string;
}

const PRINTERS_PER_OWNER = 3;

/** Version of most printers, and the one that list pages are asked for. */
export const COMMON_VERSION = '1.4.0';

// Upper bounds of a byte: 40 % run 1.4.0, and 85 % are in the stable channel.
const VERSIONS: ReadonlyArray<readonly [number, string]> = [
  [102, COMMON_VERSION],
  [179, '1.3.0'],
  [217, '1.2.0'],
  [243, '1.1.0'],
  [256, '1.0.0'],
];
const CHANNELS: ReadonlyArray<readonly [number, string]> = [
  [218, 'stable'],
  [243, 'beta'],
  [256, 'canary'],
];

export const ALL_VERSIONS = VERSIONS.map(([, version]) => version);

/** The printer with this index. UUIDs are hashes, so that they come in no order, as those of a real fleet. */
export function printerAt(index: number): Identity {
  const digest = createHash('md5').update(`printer/${index}`).digest();
  return {
    uuid: toUuid(digest.toString('hex')),
    userId: uuidOf('user', Math.floor(index / PRINTERS_PER_OWNER)),
    name: `Printer ${index}`,
    version: pick(VERSIONS, digest[15] ?? 0),
    platform: (digest[14] ?? 0) % 2 === 0 ? 'esp8266' : 'esp32',
    channel: pick(CHANNELS, digest[13] ?? 0),
  };
}

/** A UUID that depends on nothing but its arguments. */
export function uuidOf(kind: string, index: number): string {
  return toUuid(createHash('md5').update(`${kind}/${index}`).digest('hex'));
}

function toUuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function pick(shares: ReadonlyArray<readonly [number, string]>, byte: number): string {
  return shares.find(([bound]) => byte < bound)?.[1] ?? '';
}

/** The subscribe message of a printer (printer protocol, "Subscribe"). */
export function subscribeMessage(printer: Identity): string {
  return JSON.stringify({
    printer_name: printer.name,
    printer_id: printer.uuid,
    api_key: 'secret',
    user_id: printer.userId,
    platform: printer.platform,
    firmware_version: printer.version,
    auto_update: true,
    update_channel: printer.channel,
  });
}
