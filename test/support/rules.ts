import { versionKey } from '../../src/common/version.js';
import type { Build, RolloutRule } from '../../src/rollout/rules/targeting.js';

/** A build for every platform that may be sent, unless told otherwise. */
export function buildOf(changes: Partial<Build> = {}): Build {
  return {
    firmwareId: 5,
    platform: '',
    md5: 'x',
    sha256: 'x',
    signature: null,
    minUpgradeKey: null,
    mandatory: false,
    deprecated: false,
    damaged: false,
    downloadPath: '/x',
    ...changes,
  };
}

/** An active rollout of 1.5.0 to everybody, unless told otherwise. */
export function ruleOf(
  changes: Omit<Partial<RolloutRule>, 'builds'> & { builds?: Build[] } = {},
): RolloutRule {
  const { builds = [buildOf()], version = '1.5.0', ...rest } = changes;
  return {
    id: 1,
    version,
    versionKey: versionKey(version),
    status: 'active',
    percentage: 100,
    allowDowngrade: false,
    userIds: null,
    printerUuids: null,
    channels: null,
    minKey: null,
    maxKey: null,
    takesBack: null,
    cameFrom: null,
    ...rest,
    builds: new Map(builds.map((one) => [one.platform, one])),
  };
}
