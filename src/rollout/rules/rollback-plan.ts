import { versionKey } from '../../common/version.js';

/** What a rollback goes back to: the version that each printer ran before, or one version for all. */
export type RollbackTo = 'previous' | (string & {});

/** Printers that run the bad version or are about to, grouped by everything a rollback distinguishes. */
export interface AffectedPrinters {
  /** What they ran before it; null if that is not known. */
  previousVersion: string | null;
  platform: string | null;
  printers: number;
  /** How many of them are connected. */
  online: number;
  /** True if they do not run it yet, but an update to it is in progress. */
  underWay: boolean;
}

/** The printers that go back to one version. */
export interface RollbackGroup {
  version: string;
  printers: number;
  online: number;
  /** Number of printers that do not run the bad version yet, but have an update to it in progress. */
  underWay: number;
  /** How many of `printers` and `underWay` have no known, older previous version. */
  unknown: number;
  /** Number of printers of each platform. */
  platforms: Map<string | null, number>;
  cameFrom: CameFrom | null;
}

/** Narrows a rollback to printers by the version they ran before. Printers that come back later are held to the same rule. */
export type CameFrom = { only: string[] } | { except: string[] };

/**
 * Plans which printers go back to which version. Printers whose previous version is unknown or newer go where most of the others go; if
 * there are no others, to `fallback`.
 *
 * @param bad the version to leave
 * @param fallback the highest older version that can be offered; null if there is none
 * @returns the groups, highest version first; empty if there is nothing to go back to
 */
export function planRollback(
  bad: string,
  to: RollbackTo,
  affected: readonly AffectedPrinters[],
  fallback: string | null,
): RollbackGroup[] {
  const isKnown = (one: AffectedPrinters): boolean =>
    one.previousVersion !== null && versionKey(one.previousVersion) < versionKey(bad);
  const groups = new Map<string, RollbackGroup>();
  if (to !== 'previous') {
    const group = groupOf(groups, to);
    for (const one of affected) add(group, one, false);
    return [group];
  }
  for (const one of affected) if (isKnown(one)) add(groupOf(groups, one.previousVersion ?? ''), one, false);
  const others = largest([...groups.values()])?.version ?? fallback;
  if (others === null) return [];
  const catchAll = groupOf(groups, others);
  for (const one of affected) if (!isKnown(one)) add(catchAll, one, true);
  const named = [...groups.keys()].filter((version) => version !== others);
  for (const group of groups.values()) group.cameFrom = { only: [group.version] };
  catchAll.cameFrom = named.length === 0 ? null : { except: named };
  return [...groups.values()].sort(higherFirst);
}

/** True if the rollback names a printer that ran this version before. */
export function cameFromMatches(cameFrom: CameFrom, previousVersion: string | null): boolean {
  if ('only' in cameFrom) return previousVersion !== null && cameFrom.only.includes(previousVersion);
  return previousVersion === null || !cameFrom.except.includes(previousVersion);
}

function groupOf(groups: Map<string, RollbackGroup>, version: string): RollbackGroup {
  let group = groups.get(version);
  if (group === undefined) {
    const platforms = new Map<string | null, number>();
    group = { version, printers: 0, online: 0, underWay: 0, unknown: 0, platforms, cameFrom: null };
    groups.set(version, group);
  }
  return group;
}

function add(group: RollbackGroup, one: AffectedPrinters, unknown: boolean): void {
  if (one.underWay) group.underWay += one.printers;
  else {
    group.printers += one.printers;
    group.online += one.online;
  }
  if (unknown) group.unknown += one.printers;
  group.platforms.set(one.platform, (group.platforms.get(one.platform) ?? 0) + one.printers);
}

function higherFirst(a: RollbackGroup, b: RollbackGroup): number {
  return versionKey(a.version) < versionKey(b.version) ? 1 : -1;
}

/** The group with the most printers; between equals, the higher version. */
function largest(groups: readonly RollbackGroup[]): RollbackGroup | undefined {
  const size = (group: RollbackGroup): number => group.printers + group.underWay;
  return [...groups].sort((a, b) => size(b) - size(a) || higherFirst(a, b))[0];
}
