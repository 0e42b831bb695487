const ISO_TIME =
  /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})(?::(\d{2})(\.\d{1,9})?)?(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?$/i;

/**
 * Parses an ISO 8601 date and time; without an offset it is UTC (decisions, "A rollout's life").
 *
 * @returns null if the text is not a date and time, names a day or an hour that does not exist, or lies outside the years 1970 to 9999
 */
export function parseInstant(text: string): Date | null {
  const match = ISO_TIME.exec(text);
  if (!match) return null;
  const [, date, minutes, seconds = '00', fraction = '', offset = 'Z'] = match;
  // Date turns 30 February into 1 March, so a time that does not survive the round trip never existed.
  const written = `${date}T${minutes}:${seconds}`;
  const asUtc = new Date(`${written}Z`);
  if (Number.isNaN(asUtc.getTime()) || !asUtc.toISOString().startsWith(written)) return null;
  // ISO 8601 also allows +0100, which Date does not parse.
  const spelledOffset = offset.toUpperCase().replace(/^([+-]\d{2})(\d{2})$/, '$1:$2');
  const instant = new Date(`${written}${fraction}${spelledOffset}`);
  // SQLite compares instants as texts, which is only correct for years of four digits.
  return instant.getTime() >= 0 && instant.getUTCFullYear() <= 9999 ? instant : null;
}
