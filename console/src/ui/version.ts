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

/** True if a version is certainly newer than another one: pre-releases of the same release are not compared. */
export function isNewer(version: string, than: string): boolean {
  const [a, b] = [parse(version), parse(than)];
  if (a === null || b === null) return false;
  const at = a.release.findIndex((number, index) => number !== b.release[index]);
  if (at < 0) return !a.isPreRelease && b.isPreRelease;
  return (a.release[at] ?? 0) > (b.release[at] ?? 0);
}

function parse(version: string): { release: number[]; isPreRelease: boolean } | null {
  const match = /^(\d+)\.(\d+)\.(\d+)(-)?/.exec(version);
  return match && { release: match.slice(1, 4).map(Number), isPreRelease: match[4] !== undefined };
}
