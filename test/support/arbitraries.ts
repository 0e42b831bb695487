import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { bucketOf } from '../../src/common/bucket.js';
import { CHANNELS } from '../../src/common/channel.js';
import { versionKey } from '../../src/common/version.js';
import type { Firmware } from '../../src/firmware/firmware.entity.js';
import type { Printer } from '../../src/printer/printer.entity.js';
import type { RolloutRule } from '../../src/rollout/rules/targeting.js';
import { toRule } from '../../src/rollout/store/rollout-rules.js';
import { bytesOf } from '../../src/rollout/store/rollout-builds.js';
import { NO_TARGETS } from '../../src/rollout/store/entities/rollout-counters.js';
import type { Rollout } from '../../src/rollout/store/entities/rollout.entity.js';

const USERS = Array.from({ length: 3 }, () => randomUUID());
const UUIDS = Array.from({ length: 8 }, () => randomUUID());
const PLATFORMS = ['esp8266', 'esp32', 'esp32-s3'];
// Of the rollouts that printers may have their version from, 2 was cancelled before rollout 5 was created, 3 after it.
export const CANCELLATIONS = new Map([
  [2, 4],
  [3, 5],
]);
export const CREATED = new Date('2025-01-01T00:00:00Z');

const version = fc.constantFrom(
  '1.2.0',
  '1.4.0',
  '1.5.0-beta.2',
  '1.5.0-beta.10',
  '1.5.0',
  '1.10.0',
  '2.0.0',
);
const channel = fc.constantFrom(...CHANNELS);
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });

/** Printers, as their columns. */
export const fleet = fc.tuple(
  ...UUIDS.map((uuid) =>
    fc.record({
      uuid: fc.constant(uuid),
      userId: fc.constantFrom(...USERS),
      platform: optional(fc.constantFrom(...PLATFORMS)),
      // Null: it reports a text that cannot be read.
      firmwareVersion: fc.option(version, { nil: null, freq: 6 }),
      blocked: fc.integer({ min: 0, max: 5 }).map((drawn) => drawn === 0),
      versionRolloutId: optional(fc.constantFrom(1, 2, 3)),
      // By a rollout older or newer than those that decisions are drawn for.
      movedBack: fc.constantFrom(null, null, '1.5.0@3', '1.5.0@9', '1.10.0@5 1.5.0@6'),
      updateChannel: channel,
    }),
  ),
);

const method = fc.oneof(
  fc.constant({ targetAll: true, targetUserIds: null, targetPrinterIds: null }),
  fc.subarray(USERS, { minLength: 1 }).map((ids) => ({
    targetAll: false,
    targetUserIds: JSON.stringify(ids),
    targetPrinterIds: null,
  })),
  fc.subarray(UUIDS, { minLength: 1 }).map((ids) => ({
    targetAll: false,
    targetUserIds: null,
    targetPrinterIds: JSON.stringify(ids),
  })),
);
/** What a rollout is for, and the builds of its version. */
export const wanted = fc.record({
  method,
  channels: optional(fc.subarray([...CHANNELS], { minLength: 1 })),
  version,
  minVersion: optional(version),
  maxVersion: optional(version),
  allowDowngrade: fc.boolean(),
  builds: fc.uniqueArray(
    fc.record({
      platform: fc.constantFrom('', ...PLATFORMS),
      channel,
      minUpgradeVersion: optional(version),
      mandatory: fc.boolean(),
    }),
    { selector: (build) => `${build.platform}/${build.channel}`, maxLength: 4 },
  ),
});

/** What an arbitrary draws. */
export type Drawn<T> = T extends fc.Arbitrary<infer Value> ? Value : never;

/** The row of a printer that was drawn. */
export function printerRow(drawn: Drawn<typeof fleet>[number], autoUpdate = true): Omit<Printer, 'id'> {
  return {
    ...drawn,
    name: 'x',
    previousVersion: null,
    bucket: bucketOf(drawn.uuid),
    keyHash: null,
    reportedVersion: drawn.firmwareVersion === null ? 'unreadable' : null,
    versionKey: drawn.firmwareVersion === null ? '' : versionKey(drawn.firmwareVersion),
    problems: null,
    hasProblems: false,
    autoUpdate,
    lastConnected: CREATED,
    lastIp: null,
    createdAt: CREATED,
  };
}

/** The compiled rule of a rollout that was drawn. */
export function ruleOf(
  id: number,
  drawn: Drawn<typeof wanted>,
  state: Pick<Rollout, 'status' | 'percentage'> = { status: 'active', percentage: 100 },
): RolloutRule {
  const { method: targetMethod, channels, builds, version: to, ...bounds } = drawn;
  const { targetAll, targetUserIds, targetPrinterIds } = targetMethod;
  const rollout: Rollout = {
    targetAll,
    targetIdsCount: null,
    ...bounds,
    ...state,
    id,
    firmwareId: 1,
    version: to,
    versionKey: versionKey(to),
    targetChannels: channels && JSON.stringify(channels),
    type: 'gradual',
    scheduledFor: null,
    name: null,
    note: null,
    createdBy: 'local',
    rollbackId: null,
    cameFrom: null,
    takenBackBy: null,
    createdAt: CREATED,
    ...NO_TARGETS,
  };
  const rows = builds.map((build, index): Firmware => ({ ...firmwareRow(to, build), id: index + 1 }));
  const lists = { userIds: targetUserIds, printerIds: targetPrinterIds };
  return toRule(rollout, lists, rows, bytesOf(rows), { isDamaged: () => false });
}

/** The binary of every build that is drawn, for tests that need it on the disk. */
export const IMAGE = Buffer.from('x');
export const IMAGE_SHA256 = createHash('sha256').update(IMAGE).digest('hex');

/** The row of a build that was drawn. */
export function firmwareRow(of: string, build: Drawn<typeof wanted>['builds'][number]): Omit<Firmware, 'id'> {
  return {
    ...build,
    version: of,
    versionKey: versionKey(of),
    fileSize: IMAGE.length,
    md5: '',
    sha256: IMAGE_SHA256,
    appendedSha256: null,
    signature: null,
    signingKeyFingerprint: null,
    releaseNotes: null,
    changelog: null,
    releasedAt: CREATED,
    deprecatedAt: null,
    downloadCount: 0,
    successCount: 0,
    failureCount: 0,
  };
}
