import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CHANNELS } from '../src/common/channel.js';
import { versionKey } from '../src/common/version.js';
import { UnitOfWork } from '../src/database/unit-of-work.js';
import type { Firmware } from '../src/firmware/firmware.entity.js';
import { Printer } from '../src/printer/printer.entity.js';
import { targetRefusal } from '../src/rollout/domain/targeting.js';
import { toRule } from '../src/rollout/rollout-rules.js';
import { RuleSet } from '../src/rollout/rule-set.js';
import type { Rollout } from '../src/rollout/rollout.entity.js';
import { Withdrawal } from '../src/rollout/withdrawal.entity.js';
import { TestServer } from './support/server.js';
import { targetCondition } from './support/target-condition.js';

const USERS = Array.from({ length: 3 }, () => randomUUID());
const UUIDS = Array.from({ length: 8 }, () => randomUUID());
const PLATFORMS = ['esp8266', 'esp32', 'esp32-s3'];
// Of the rollouts that printers may have their version from, 2 was cancelled before rollout 5 was created, 3 after it.
const WITHDRAWALS = new Map([
  [2, 4],
  [3, 5],
]);
const CREATED = new Date('2025-01-01T00:00:00Z');

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

const fleet = fc.tuple(
  ...UUIDS.map((uuid) =>
    fc.record({
      uuid: fc.constant(uuid),
      userId: fc.constantFrom(...USERS),
      platform: optional(fc.constantFrom(...PLATFORMS)),
      firmwareVersion: version,
      versionRolloutId: optional(fc.constantFrom(1, 2, 3)),
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
const wanted = fc.record({
  method,
  channels: optional(fc.subarray([...CHANNELS], { minLength: 1 })),
  version,
  minVersion: optional(version),
  maxVersion: optional(version),
  allowDowngrade: fc.boolean(),
  builds: fc.uniqueArray(
    fc.record({ platform: fc.constantFrom('', ...PLATFORMS), channel, minUpgradeVersion: optional(version) }),
    { selector: (build) => `${build.platform}/${build.channel}`, maxLength: 4 },
  ),
});

describe('Targeting', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    await server.get(UnitOfWork).run(async (tx) => {
      for (const [rolloutId, newestRolloutId] of WITHDRAWALS)
        await tx.insert(Withdrawal, { rolloutId, newestRolloutId });
    });
  });
  afterAll(() => server.stop());

  function rolloutRow(): Omit<Rollout, 'id'> {
    return {
      version: '1.5.0',
      versionKey: versionKey('1.5.0'),
      firmwareId: null,
      targetAll: true,
      targetUserIds: null,
      targetPrinterIds: null,
      targetChannels: null,
      minVersion: null,
      maxVersion: null,
      allowDowngrade: false,
      type: 'immediate',
      percentage: 100,
      scheduledFor: null,
      status: 'active',
      createdAt: CREATED,
      pendingCount: 0,
      inProgressCount: 0,
      completedCount: 0,
      failedCount: 0,
      declinedCount: 0,
    };
  }

  it('in memory and in SQL names the same printers, for any fleet and any rollout', async () => {
    const unitOfWork = server.get(UnitOfWork);
    await fc.assert(
      fc.asyncProperty(fleet, wanted, async (printers, target) => {
        const { method: targetMethod, channels, builds, version: to, ...bounds } = target;
        const rollout: Rollout = {
          ...rolloutRow(),
          ...targetMethod,
          ...bounds,
          id: 5,
          firmwareId: 1,
          version: to,
          versionKey: versionKey(to),
          targetChannels: channels && JSON.stringify(channels),
        };
        const rows = builds.map((build, index): Firmware => ({
          ...build,
          id: index + 1,
          version: to,
          versionKey: versionKey(to),
          fileSize: 1,
          md5: '',
          sha256: '',
          releaseNotes: null,
          changelog: null,
          mandatory: false,
          releasedAt: CREATED,
          deprecatedAt: null,
          downloadCount: 0,
          successCount: 0,
          failureCount: 0,
        }));
        const rule = toRule(rollout, rows);
        const [inSql, all] = await unitOfWork.run(async (tx) => {
          await tx.em.createQueryBuilder().delete().from(Printer).execute();
          for (const one of printers) {
            await tx.insert(Printer, {
              ...one,
              name: 'x',
              versionKey: versionKey(one.firmwareVersion),
              autoUpdate: true,
              lastConnected: CREATED,
              lastIp: null,
              createdAt: CREATED,
            });
          }
          const query = targetCondition(tx.em.createQueryBuilder(Printer, 'p'), rule);
          return [await query.getMany(), await tx.em.find(Printer)] as const;
        });
        const facts = new RuleSet([rule], WITHDRAWALS);
        const inMemory = all.filter((one) => targetRefusal(facts.factsOf(one), rule) === null);
        expect(inSql.map((one) => one.uuid).sort()).toEqual(inMemory.map((one) => one.uuid).sort());
      }),
      { numRuns: 400 },
    );
  }, 120_000);
});
