import type { IncomingMessage } from 'node:http';
import { isVersion, parseVersion } from '../../common/version.js';
import type { Firmware } from '../firmware.entity.js';

/** A part of a binary, both ends included. */
export interface ByteRange {
  start: number;
  end: number;
}

/** The strong entity tag of a binary: its SHA-256, quoted (RFC 9110 §8.8.3). */
export function etagOf(row: Firmware): string {
  return `"${row.sha256}"`;
}

/** The headers of every download of a binary: names and values in turn, as `writeHead` takes them. */
export function headersOf(row: Firmware): readonly string[] {
  const known = headers.get(row);
  if (known !== undefined) return known;
  const made = [
    ...['Accept-Ranges', 'bytes'],
    ...['ETag', etagOf(row)],
    ...['x-MD5', row.md5],
    ...['Repr-Digest', `sha-256=:${Buffer.from(row.sha256, 'hex').toString('base64')}:`],
    ...['Content-Disposition', `attachment; filename="paperminder-${row.version}.bin"`],
    ...['Content-Type', 'application/octet-stream'],
    ...(row.signature === null ? [] : ['x-Signature-Ed25519', row.signature]),
  ];
  headers.set(row, made);
  return made;
}

const headers = new WeakMap<Firmware, readonly string[]>();

/**
 * True if If-None-Match names the binary (RFC 9110 §13.1.2). Express's own check is skipped for requests with `Cache-Control: no-cache`,
 * which only addresses caches.
 */
export function hasAlready(request: IncomingMessage, row: Firmware): boolean {
  return names(headerOf(request, 'if-none-match'), row, true);
}

/** True if the client requires another binary than this one (If-Match, RFC 9110 §13.1.1). */
export function failsIfMatch(request: IncomingMessage, row: Firmware): boolean {
  const condition = headerOf(request, 'if-match');
  return condition !== undefined && !names(condition, row, false);
}

/** True if the board's own headers say that it runs this version or these bytes. */
export function runsAlready(request: IncomingMessage, row: Firmware): boolean {
  const version = headerOf(request, 'x-esp8266-version') ?? headerOf(request, 'x-esp32-version');
  if (version !== undefined && isVersion(version) && parseVersion(version) === row.version) return true;
  const md5 = headerOf(request, 'x-esp8266-sketch-md5') ?? headerOf(request, 'x-esp32-sketch-md5');
  if (md5?.toLowerCase() === row.md5) return true;
  // An ESP32 reads this from its running partition: the digest that the image carries, if any (`esp_partition_get_sha256`).
  const sha256 = headerOf(request, 'x-esp32-sketch-sha256')?.toLowerCase();
  return sha256 !== undefined && (sha256 === row.sha256 || sha256 === row.appendedSha256);
}

/**
 * The part that a request asks for (RFC 9110 §14.2). The whole binary is sent if the Range does not apply: for another representation
 * (§13.1.5), one that ends before it begins (§14.1.2), more than one range, or another unit.
 *
 * @returns null for the whole binary
 */
export function wantedRange(request: IncomingMessage, row: Firmware): ByteRange | 'unsatisfiable' | null {
  const condition = headerOf(request, 'if-range');
  if (condition !== undefined && condition !== etagOf(row)) return null;
  const size = row.fileSize;
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/i.exec(headerOf(request, 'range') ?? '') ?? [];
  if (first === '') {
    if (last === '') return null;
    const length = Number(last);
    if (length === 0) return 'unsatisfiable';
    return length >= size ? null : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return null;
  return start >= size ? 'unsatisfiable' : { start, end };
}

/** A header whose values are joined if it occurs more than once, as Node does with all but a few. */
function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

function names(header: string | undefined, row: Firmware, weakly: boolean): boolean {
  return (header?.split(',') ?? []).some((one) => {
    const tag = weakly ? one.trim().replace(/^W\//, '') : one.trim();
    return tag === '*' || tag === etagOf(row);
  });
}
