import type { FirmwareRow } from '../../api/api';
import type { Channel, Firmware, Rollout } from '../../api/types';
import { CHANNELS } from '../../ui/channels';

/** One binary: a version for a board, and where it is. */
export interface Build {
  version: string;
  platform: string | null;
  /** The most stable channel first; never empty. */
  rows: [Firmware, ...Firmware[]];
}

/** Puts the rows of the same version and board together, in the order in which they come. */
export function buildsOf(rows: readonly Firmware[]): Build[] {
  const builds = new Map<string, Build>();
  for (const row of rows) {
    const known = builds.get(keyOf(row));
    if (known) known.rows.push(row);
    else builds.set(keyOf(row), { version: row.version, platform: row.platform, rows: [row] });
  }
  return [...builds.values()];
}

/** Names a build in an address: `1.5.0`, `1.5.0 esp32`. */
export function keyOf({ version, platform }: { version: string; platform: string | null }): string {
  return platform === null ? version : `${version} ${platform}`;
}

/** The latest version of each channel: the highest that is not deprecated. `rows` come with the highest version first. */
export function latestVersions(rows: readonly Firmware[]): Map<Channel, string> {
  const latest = new Map<Channel, string>();
  for (const channel of CHANNELS) {
    const first = rows.find((row) => row.channel === channel && row.deprecated_at === null);
    if (first) latest.set(channel, first.version);
  }
  return latest;
}

/** Names a row in a request; `any` is the build for every board. */
export function rowOf({ channel, platform }: Firmware): FirmwareRow {
  return { channel, platform: platform ?? 'any' };
}

/** A board in words. */
export function boardText(platform: string | null): string {
  return platform ?? 'every board';
}

/** Rollouts of a version that still send it, or will. */
export function rolloutsOf(version: string, rollouts: Iterable<Rollout>): Rollout[] {
  return [...rollouts].filter(
    ({ firmware_version, status }) =>
      firmware_version === version && (status === 'active' || status === 'scheduled' || status === 'paused'),
  );
}
