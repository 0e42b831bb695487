const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * True for the text form of any UUID. Versions and variants are not checked: boards derive their UUIDs from serial numbers, and the nil and
 * max UUIDs of RFC 9562 §5.9 and §5.10 are in use.
 */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}
