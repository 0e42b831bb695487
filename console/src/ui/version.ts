import type { Printer } from '../api/types';

/** What a printer runs; what it reported instead, if that is no version. */
export function versionOf({
  firmware_version,
  reported_version,
}: Pick<Printer, 'firmware_version' | 'reported_version'>): string {
  return (
    firmware_version ?? (reported_version === null ? 'unknown' : `unknown (reported: ${reported_version})`)
  );
}
