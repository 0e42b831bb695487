import { describe, expect, it } from '@jest/globals';
import { versionKey } from '../../src/common/version.js';
import { REASONS, compareRules, decide } from '../../src/rollout/rules/decide.js';
import type { Decision, EarlierUpdate, Reason, UpdateContext } from '../../src/rollout/rules/decide.js';
import { waitingReason } from '../../src/rollout/rules/preview.js';
import type { PrinterFacts, RolloutRule } from '../../src/rollout/rules/targeting.js';
import { buildOf, ruleOf } from '../support/rules.js';

// Its bucket is 25 (printer protocol, "Test vectors for the gradual bucket").
const UUID = '880e8400-e29b-41d4-a716-446655440001';
const OWNER = '550e8400-e29b-41d4-a716-446655440000';

function printer(changes: Partial<PrinterFacts> & { version?: string } = {}): PrinterFacts {
  const { version = '1.4.0', ...facts } = changes;
  return {
    uuid: UUID,
    userId: OWNER,
    platform: 'esp8266',
    channel: 'stable',
    versionKey: versionKey(version),
    autoUpdate: true,
    blocked: false,
    newestWhenCancelled: null,
    previousVersion: null,
    movedBack: new Map(),
    newestRolloutId: null,
    ...facts,
  };
}

function context(earlier: EarlierUpdate | null = null, changes: Partial<UpdateContext> = {}): UpdateContext {
  return { earlier: new Map(earlier ? [[1, earlier]] : []), busy: false, reconnecting: false, ...changes };
}

function reasonOf(decision: Decision): Reason | null {
  return decision.send ? null : decision.reason;
}

const key = versionKey;

describe('The decision for a printer', () => {
  const refusals: Array<[Reason, string, PrinterFacts, RolloutRule[], UpdateContext?]> = [
    ['no_rollout', 'there is no rollout', printer(), []],
    [
      'not_targeted',
      'its channel is not named',
      printer(),
      [ruleOf({ channels: new Set(['beta'] as const) })],
    ],
    ['not_targeted', 'its owner is not named', printer(), [ruleOf({ userIds: new Set([UUID]) })]],
    ['not_targeted', 'it is not named itself', printer(), [ruleOf({ printerUuids: new Set([OWNER]) })]],
    [
      'not_targeted',
      'a rollback takes back a newer version than it runs',
      printer(),
      [ruleOf({ minKey: key('1.6.0'), maxKey: key('1.6.0'), takesBack: key('1.6.0') })],
    ],
    [
      'below_min_version',
      'it runs less than min_version, which says more than a rollback of another version',
      printer(),
      [
        ruleOf({ minKey: key('1.6.0'), maxKey: key('1.6.0'), takesBack: key('1.6.0') }),
        ruleOf({ id: 2, minKey: key('1.4.1') }),
      ],
    ],
    [
      'not_targeted',
      'it is named, but the channel narrows it out',
      printer(),
      [ruleOf({ printerUuids: new Set([UUID]), channels: new Set(['beta'] as const) })],
    ],
    ['blocked', 'an operator has blocked it', printer({ blocked: true }), [ruleOf()]],
    ['version_unknown', 'nobody knows what it runs', printer({ versionKey: '' }), [ruleOf()]],
    [
      'version_unknown',
      'nothing says that it is above min_version',
      printer({ versionKey: '' }),
      [ruleOf({ allowDowngrade: true, minKey: key('0.0.0') })],
    ],
    [
      'version_unknown',
      'nothing says that it is below max_version',
      printer({ versionKey: '' }),
      [ruleOf({ allowDowngrade: true, maxKey: key('9.0.0') })],
    ],
    [
      'version_unknown',
      'nothing says that it may take the build',
      printer({ versionKey: '' }),
      [ruleOf({ allowDowngrade: true, builds: [buildOf({ minUpgradeKey: key('1.0.0') })] })],
    ],
    ['below_min_version', 'it runs less than min_version', printer(), [ruleOf({ minKey: key('1.4.1') })]],
    ['above_max_version', 'it runs more than max_version', printer(), [ruleOf({ maxKey: key('1.3.9') })]],
    [
      'no_build_for_platform',
      'there are builds for other boards only',
      printer(),
      [ruleOf({ builds: [buildOf({ platform: 'esp32' })] })],
    ],
    [
      'no_build_for_platform',
      'it never said which board it is, and every build is for one board',
      printer({ platform: null }),
      [ruleOf({ builds: [buildOf({ platform: 'esp32' })] })],
    ],
    ['up_to_date', 'it runs the version', printer({ version: '1.5.0' }), [ruleOf()]],
    [
      'up_to_date',
      'it runs the version that a rollback moves others to',
      printer({ version: '1.5.0' }),
      [ruleOf({ minKey: key('1.6.0'), maxKey: key('1.6.0'), takesBack: key('1.6.0') })],
    ],
    [
      'up_to_date',
      'the rollback has moved it back: what it ran before is the bad version now',
      printer({ version: '1.5.0', previousVersion: '1.6.0' }),
      [ruleOf({ minKey: key('1.6.0'), maxKey: key('1.6.0'), cameFrom: { only: ['1.5.0'] } })],
    ],
    [
      'up_to_date',
      'it runs the version, and max_version is below that',
      printer({ version: '1.5.0' }),
      [ruleOf({ maxKey: key('1.4.0') })],
    ],
    ['downgrade_not_allowed', 'it runs a newer version', printer({ version: '1.5.1' }), [ruleOf()]],
    [
      'downgrade_not_allowed',
      'its version came from a rollout that was cancelled after this one was created',
      printer({ version: '1.5.1', newestWhenCancelled: 1 }),
      [ruleOf({ id: 1 })],
    ],
    [
      'superseded',
      'a newer rollout names it, and this one would move it to an older version',
      printer({ version: '1.6.0', newestRolloutId: 2 }),
      [ruleOf({ id: 1, allowDowngrade: true })],
    ],
    [
      'superseded',
      'its version came from a cancelled rollout, but a newer rollout than the one that follows names it',
      printer({ version: '1.6.0', newestWhenCancelled: 1, newestRolloutId: 3 }),
      [ruleOf({ id: 2 })],
    ],
    [
      'rolled_back',
      'a newer rollout has moved it back from this version',
      printer({ movedBack: new Map([['1.5.0', 2]]) }),
      [ruleOf({ id: 1 })],
    ],
    [
      'downgrade_not_allowed',
      'it runs the release, and the rollout has a pre-release of it',
      printer({ version: '1.5.0' }),
      [ruleOf({ version: '1.5.0-beta.2' })],
    ],
    [
      'below_min_upgrade_version',
      'it is too old for this firmware',
      printer(),
      [ruleOf({ builds: [buildOf({ minUpgradeKey: key('1.4.1') })] })],
    ],
    [
      'already_completed',
      'it had the update, and went back',
      printer(),
      [ruleOf()],
      context({ status: 'completed', attempts: 1 }),
    ],
    [
      'already_failed',
      'the update has failed',
      printer(),
      [ruleOf()],
      context({ status: 'failed', attempts: 1 }),
    ],
    [
      'already_declined',
      'it has declined, and has not come back since',
      printer(),
      [ruleOf()],
      context({ status: 'declined', attempts: 1 }),
    ],
    [
      'already_declined',
      'it has declined three times',
      printer(),
      [ruleOf()],
      context({ status: 'declined', attempts: 3 }, { reconnecting: true }),
    ],
    [
      'already_declined',
      'it has declined a mandatory update',
      printer({ autoUpdate: false }),
      [ruleOf({ builds: [buildOf({ mandatory: true })] })],
      context({ status: 'declined', attempts: 1 }, { reconnecting: true }),
    ],
    [
      'firmware_deprecated',
      'the firmware is deprecated',
      printer(),
      [ruleOf({ builds: [buildOf({ deprecated: true })] })],
    ],
    [
      'image_damaged',
      'the binary is damaged on the server, whatever state the rollout is in',
      printer(),
      [ruleOf({ status: 'paused', builds: [buildOf({ damaged: true })] })],
    ],
    ['not_yet_scheduled', 'the time has not come', printer(), [ruleOf({ status: 'scheduled' })]],
    ['rollout_paused', 'the rollout is paused', printer(), [ruleOf({ status: 'paused' })]],
    ['not_in_percentage', 'its bucket is the percentage', printer(), [ruleOf({ percentage: 25 })]],
    ['auto_update_off', 'it has auto_update off', printer({ autoUpdate: false }), [ruleOf()]],
    [
      'auto_update_off',
      'it declined, and still has auto_update off',
      printer({ autoUpdate: false }),
      [ruleOf()],
      context({ status: 'declined', attempts: 1 }, { reconnecting: true }),
    ],
    ['already_in_progress', 'an update is under way', printer(), [ruleOf()], context(null, { busy: true })],
  ];

  it.each(refusals)('is %s when %s', (reason, _when, facts, rules, known = context()) => {
    expect(reasonOf(decide(facts, rules, known))).toBe(reason);
  });

  it('has a case for every reason', () => {
    expect(new Set(refusals.map(([reason]) => reason))).toEqual(new Set(Object.keys(REASONS)));
  });

  const offers: Array<[string, PrinterFacts, RolloutRule, UpdateContext?]> = [
    ['it runs an older version', printer(), ruleOf()],
    ['it runs a pre-release of the version', printer({ version: '1.5.0-beta.2' }), ruleOf()],
    [
      'its version is min_version and max_version',
      printer(),
      ruleOf({ minKey: key('1.4.0'), maxKey: key('1.4.0') }),
    ],
    [
      'its version is min_upgrade_version',
      printer(),
      ruleOf({ builds: [buildOf({ minUpgradeKey: key('1.4.0') })] }),
    ],
    ['its bucket is below the percentage', printer(), ruleOf({ percentage: 26 })],
    ['the rollout is completed, and it came late', printer(), ruleOf({ status: 'completed' })],
    [
      'it runs a newer version, and the rollout allows the step back',
      printer({ version: '2.0.0' }),
      ruleOf({ allowDowngrade: true }),
    ],
    [
      'it runs a newer version that came from a rollout cancelled before this one was created',
      printer({ version: '2.0.0', newestWhenCancelled: 0 }),
      ruleOf(),
    ],
    [
      'auto_update is off, and the firmware is mandatory',
      printer({ autoUpdate: false }),
      ruleOf({ builds: [buildOf({ mandatory: true })] }),
    ],
    [
      'it declined, and comes back with auto_update on',
      printer(),
      ruleOf(),
      context({ status: 'declined', attempts: 2 }, { reconnecting: true }),
    ],
    [
      'it was spared the update while auto_update was off',
      printer(),
      ruleOf(),
      context({ status: 'declined', attempts: 0 }),
    ],
  ];

  it.each(offers)('is an update when %s', (_when, facts, one, known = context()) => {
    expect(decide(facts, [one], known)).toMatchObject({ send: true, rule: { id: 1 } });
  });

  it('takes the build for the board of the printer, else the one for every board', () => {
    const both = ruleOf({
      builds: [buildOf({ firmwareId: 1 }), buildOf({ firmwareId: 2, platform: 'esp8266' })],
    });
    expect(decide(printer(), [both], context())).toMatchObject({ build: { firmwareId: 2 } });
    expect(decide(printer({ platform: 'esp32' }), [both], context())).toMatchObject({
      build: { firmwareId: 1 },
    });
    expect(decide(printer({ platform: null }), [both], context())).toMatchObject({
      build: { firmwareId: 1 },
    });
  });

  it('gives the highest version, and between equals the older rollout', () => {
    const rules = [
      ruleOf({ id: 1, version: '1.5.0' }),
      ruleOf({ id: 2, version: '1.10.0' }),
      ruleOf({ id: 3, version: '1.10.0' }),
      ruleOf({ id: 4, version: '1.10.0-rc.1' }),
    ].sort(compareRules);
    expect(decide(printer(), rules, context())).toMatchObject({ send: true, rule: { id: 2 } });
  });

  it('gives a lower version if the higher one is not for this printer', () => {
    const rules = [
      ruleOf({ id: 1, version: '2.0.0', minKey: key('1.5.0') }),
      ruleOf({ id: 2, version: '1.5.0' }),
    ];
    expect(decide(printer(), rules, context())).toMatchObject({ send: true, rule: { id: 2 } });
  });

  it('names the closest of several reasons, and its rollout', () => {
    const rules = [
      ruleOf({ id: 1, channels: new Set(['beta'] as const) }),
      ruleOf({ id: 2, status: 'paused' }),
      ruleOf({ id: 3, minKey: key('1.4.1') }),
    ];
    expect(decide(printer(), rules, context())).toMatchObject({ reason: 'rollout_paused', rolloutId: 2 });
  });

  it('names the rollouts to record as declined, once', () => {
    const off = printer({ autoUpdate: false });
    const rules = [
      ruleOf({ id: 1 }),
      ruleOf({ id: 2 }),
      ruleOf({ id: 3, channels: new Set(['beta'] as const) }),
    ];
    expect(decide(off, rules, context()).declines.map(({ id }) => id)).toEqual([1, 2]);
    const known = context({ status: 'declined', attempts: 0 });
    expect(decide(off, rules, known).declines.map(({ id }) => id)).toEqual([2]);
  });
});

describe('What a target of a rollout waits for', () => {
  const older = ruleOf({ id: 1 });
  const newer = ruleOf({ id: 2 });
  const higher = ruleOf({ id: 3, version: '1.6.0' });
  const among = (...rules: RolloutRule[]): RolloutRule[] => rules.sort(compareRules);

  it('is nothing if the rollout has its turn', () => {
    expect(waitingReason(printer(), older, among(newer, older), context())).toBeNull();
    expect(waitingReason(printer(), higher, among(newer, older, higher), context())).toBeNull();
  });

  it('is another rollout: a higher version, or an older one of the same', () => {
    expect(waitingReason(printer(), newer, among(newer, older), context())).toBe('other_rollout');
    expect(waitingReason(printer(), older, among(higher, older), context())).toBe('other_rollout');
  });

  it('is what the rollout itself says, whatever is closer in others', () => {
    const gradual = ruleOf({ id: 2, version: '1.6.0', percentage: 10 });
    const off = printer({ autoUpdate: false });
    expect(waitingReason(off, gradual, among(gradual, older), context())).toBe('not_in_percentage');
  });

  it('is an update under way, whose ever it is', () => {
    const busy = context(null, { busy: true });
    expect(waitingReason(printer(), newer, among(newer), busy)).toBe('already_in_progress');
  });
});
