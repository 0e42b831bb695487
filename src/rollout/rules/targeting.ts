import type { Channel } from '../../common/channel.js';
import { UNKNOWN_VERSION_KEY } from '../../common/version.js';
import { cameFromMatches } from './rollback-plan.js';
import type { CameFrom } from './rollback-plan.js';
import type { MovedBack } from './moved-back.js';
import type { RolloutStatus } from './status.js';

/** One build that a rollout can send. */
export interface Build {
  firmwareId: number;
  /** The boards that it fits; '' fits every board. */
  platform: string;
  md5: string;
  /** Hexadecimal, lower-case. */
  sha256: string;
  /** Ed25519, base64; null if the build has none. */
  signature: string | null;
  /** Key of the lowest version that may take this build; null for any version. */
  minUpgradeKey: string | null;
  mandatory: boolean;
  deprecated: boolean;
  /** True while its binary is missing or damaged on the disk. */
  damaged: boolean;
  /** Path and query of its download URL. */
  downloadPath: string;
}

/** A rollout compiled for evaluation: sets and comparable keys instead of lists and texts. */
export interface RolloutRule {
  id: number;
  version: string;
  versionKey: string;
  status: RolloutStatus;
  percentage: number;
  allowDowngrade: boolean;
  /** Null if the rollout does not narrow by it; the same holds for `printerUuids` and `channels`. */
  userIds: ReadonlySet<string> | null;
  printerUuids: ReadonlySet<string> | null;
  channels: ReadonlySet<Channel> | null;
  minKey: string | null;
  maxKey: string | null;
  /** The key of the version that a rollback takes back, which is the only one within its bounds; null for any other rollout. */
  takesBack: string | null;
  cameFrom: CameFrom | null;
  /** The build for each platform; '' is the build for every board that has none of its own. */
  builds: ReadonlyMap<string, Build>;
}

/** What a decision needs to know of a printer. */
export interface PrinterFacts {
  uuid: string;
  userId: string;
  platform: string | null;
  channel: Channel;
  /** `UNKNOWN_VERSION_KEY` if it is not known what the printer runs. */
  versionKey: string;
  autoUpdate: boolean;
  /** True if an operator has blocked it. */
  blocked: boolean;
  /**
   * If the version that it runs came from a rollout that has since been cancelled or deleted: the newest rollout that existed at that
   * moment. Otherwise null.
   */
  newestWhenCancelled: number | null;
  /** The version that it ran before; null if that is not known. */
  previousVersion: string | null;
  /** The versions that rollouts have moved it back from. */
  movedBack: MovedBack;
  /** The newest rollout that names it and is neither cancelled nor scheduled; null if there is none. */
  readonly newestRolloutId: number | null;
}

/** Why a printer is not a target of a rollout. */
export type TargetRefusal =
  | 'not_targeted'
  | 'blocked'
  | 'version_unknown'
  | 'below_min_version'
  | 'above_max_version'
  | 'no_build_for_platform'
  | 'up_to_date'
  | 'downgrade_not_allowed'
  | 'superseded'
  | 'rolled_back'
  | 'below_min_upgrade_version';

/** The build that a rollout has for a platform: the platform's own, else the one for every board. */
export function buildFor(rule: RolloutRule, platform: string | null): Build | undefined {
  return rule.builds.get(platform ?? '') ?? rule.builds.get('');
}

/**
 * Checks whether a printer is a target of a rollout, regardless of the rollout's state and of what was sent before (decisions, "Which
 * printers a rollout moves"). `targetCondition` implements the same rule in SQL; a property test holds the two together.
 *
 * @returns null for a target, else the first rule that excludes the printer
 */
export function targetRefusal(printer: PrinterFacts, rule: RolloutRule): TargetRefusal | null {
  if (!isInTarget(printer, rule)) return 'not_targeted';
  // Before all that narrows: a rollback names the version that it takes back, and the printers that it has moved run another one.
  if (printer.versionKey === rule.versionKey && !printer.blocked) return 'up_to_date';
  if (!cameFromFits(printer, rule)) return 'not_targeted';
  if (printer.blocked) return 'blocked';
  if (printer.versionKey === UNKNOWN_VERSION_KEY) return unknownVersionRefusal(printer, rule);
  if (rule.takesBack !== null && printer.versionKey !== rule.takesBack) return 'not_targeted';
  if (rule.minKey !== null && printer.versionKey < rule.minKey) return 'below_min_version';
  if (rule.maxKey !== null && printer.versionKey > rule.maxKey) return 'above_max_version';
  const build = buildFor(rule, printer.platform);
  if (build === undefined) return 'no_build_for_platform';
  if (printer.versionKey > rule.versionKey) {
    if (!mayMoveBack(printer, rule)) return 'downgrade_not_allowed';
    if (isSuperseded(printer, rule)) return 'superseded';
  }
  if (wasMovedBackSince(printer, rule)) return 'rolled_back';
  if (build.minUpgradeKey !== null && printer.versionKey < build.minUpgradeKey)
    return 'below_min_upgrade_version';
  return null;
}

/**
 * A printer of unknown version may run a newer one, so only a rollout that allows downgrades moves it, and it does not count as within any
 * version bounds (decisions, "Printers").
 */
function unknownVersionRefusal(printer: PrinterFacts, rule: RolloutRule): TargetRefusal | null {
  const build = buildFor(rule, printer.platform);
  if (build === undefined) return 'no_build_for_platform';
  const isBounded = rule.minKey !== null || rule.maxKey !== null || build.minUpgradeKey !== null;
  if (!rule.allowDowngrade || isBounded) return 'version_unknown';
  if (isSuperseded(printer, rule)) return 'superseded';
  return wasMovedBackSince(printer, rule) ? 'rolled_back' : null;
}

/** True if a rollout would move a printer to an older version, as far as is known. */
export function mightMoveBack({ versionKey }: Pick<PrinterFacts, 'versionKey'>, rule: RolloutRule): boolean {
  return versionKey === UNKNOWN_VERSION_KEY || versionKey > rule.versionKey;
}

/** "Cancel, then roll out": a rollout created before the cancel moves no printer back; otherwise the cancel itself would send updates. */
export function mayMoveBack(
  { newestWhenCancelled }: Pick<PrinterFacts, 'newestWhenCancelled'>,
  rule: RolloutRule,
): boolean {
  return rule.allowDowngrade || (newestWhenCancelled !== null && rule.id > newestWhenCancelled);
}

/** A rollback has priority over everything else: it names the printers that run the bad version, not those that have since moved on. */
function isSuperseded(printer: PrinterFacts, rule: RolloutRule): boolean {
  return rule.takesBack === null && printer.newestRolloutId !== null && printer.newestRolloutId > rule.id;
}

/** A rollback holds against every older rollout. */
function wasMovedBackSince(printer: PrinterFacts, rule: RolloutRule): boolean {
  const movedBackBy = printer.movedBack.get(rule.version);
  return movedBackBy !== undefined && movedBackBy > rule.id;
}

/** True if a rollout decides what a printer should run: it names the printer, is not cancelled, and has started. */
export function speaksFor(rule: RolloutRule, printer: NamedFacts): boolean {
  return (
    rule.status !== 'scheduled' &&
    isNamed(printer, rule) &&
    (rule.minKey === null || printer.versionKey >= rule.minKey) &&
    (rule.maxKey === null || printer.versionKey <= rule.maxKey)
  );
}

/** True if a rollout lists printers or users one by one. */
export function isListed({ printerUuids, userIds }: RolloutRule): boolean {
  return printerUuids !== null || userIds !== null;
}

/** The fields of a printer that a target can name. */
export type NamedFacts = Pick<PrinterFacts, 'uuid' | 'userId' | 'channel' | 'versionKey' | 'previousVersion'>;

function isNamed(printer: NamedFacts, rule: RolloutRule): boolean {
  return isInTarget(printer, rule) && cameFromFits(printer, rule);
}

/** True if the printer ran before what a rollback asks for; anything else asks for nothing. */
function cameFromFits({ previousVersion }: NamedFacts, { cameFrom }: RolloutRule): boolean {
  return cameFrom === null || cameFromMatches(cameFrom, previousVersion);
}

/** True if the printer, its user and its channel are among those that the target lists. */
function isInTarget(printer: NamedFacts, rule: RolloutRule): boolean {
  return (
    (rule.userIds === null || rule.userIds.has(printer.userId)) &&
    (rule.printerUuids === null || rule.printerUuids.has(printer.uuid)) &&
    (rule.channels === null || rule.channels.has(printer.channel))
  );
}
