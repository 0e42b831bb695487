import { describe, expect, it } from '@jest/globals';
import { versionKey } from '../../src/common/version.js';
import type { Printer } from '../../src/printer/printer.entity.js';
import type { PrinterUpdate } from '../../src/rollout/store/entities/printer-update.entity.js';
import type { PrinterJob } from '../../src/rollout/updates/plan/jobs.js';
import type { Report } from '../../src/rollout/updates/plan/report.js';
import {
  EARLIER,
  NOW,
  OWNER,
  SERVICE_TIME,
  UUID,
  planFor,
  printerOf,
  requestOf,
  updateOf,
} from '../support/plan.js';
import { buildOf, ruleOf } from '../support/rules.js';

const CONNECTION = {};

function subscribe(changes: Parameters<typeof requestOf>[0] = {}, speaker: object = CONNECTION): PrinterJob {
  return { kind: 'subscribe', request: requestOf(changes), speaker };
}

function report(what: Report, speaker: object = CONNECTION, speaks = true): PrinterJob {
  return { kind: 'report', uuid: UUID, report: what, speaker, speaks };
}

describe('The plan of a first subscribe', () => {
  it('registers the printer as it describes itself, and sends it what is due', () => {
    const problem = { field: 'kind', value: '1', message: 'a subscribe has no kind' };
    const request = { channel: 'beta', platform: 'esp32', userId: OWNER, problems: [problem] } as const;
    const { outcomes, fleet, state } = planFor([], [ruleOf()], [subscribe(request)]);
    expect(outcomes).toMatchObject([{ uuid: UUID, refused: null, send: { rule: { id: 1 } } }]);
    expect(state?.printer).toMatchObject({
      id: 0,
      uuid: UUID,
      bucket: 25,
      userId: OWNER,
      platform: 'esp32',
      updateChannel: 'beta',
      firmwareVersion: '1.4.0',
      hasProblems: true,
      createdAt: NOW,
    });
    expect(state?.updates).toMatchObject([{ id: 0, rolloutId: 1, status: 'in_progress', sequence: 1 }]);
    expect(fleet.changes()).toHaveLength(1);
  });

  it.each([
    ['nothing', {}, '0.0.0', null],
    ['a version', { firmwareVersion: '2.0.0' }, '2.0.0', null],
    ['a version that cannot be read', { unreadableVersion: 'x' }, null, 'x'],
  ])('takes a printer that reports %s for what it is', (_what, request, version, reported) => {
    const { state } = planFor([], [], [subscribe({ firmwareVersion: null, ...request })]);
    expect(state?.printer).toMatchObject({ firmwareVersion: version, reportedVersion: reported });
  });

  it.each([
    ['open', false, null, null],
    ['closed', false, null, 'registration_closed'],
    ['approve', false, null, 'approval_pending'],
    ['open', true, null, 'unauthorized'],
    ['open', true, 'key', null],
  ] as const)('with REGISTRATION=%s, keys required: %s, key %s', (registration, required, keyHash, code) => {
    const policy = { registration, requirePrinterKey: required };
    const { outcomes, fleet, state } = planFor([], [ruleOf()], [subscribe({ keyHash })], { policy });
    expect(outcomes[0]?.refused ?? null).toEqual(code === null ? null : expect.objectContaining({ code }));
    expect(state === null).toBe(code !== null);
    expect([...fleet.newRequests.keys()]).toEqual(code === 'approval_pending' ? [UUID] : []);
  });

  it('names the printer by its UUID where an update ends before it has a number', () => {
    const off = planFor([], [ruleOf()], [subscribe({ autoUpdate: false })]);
    expect(off.fleet.ended).toMatchObject([
      { status: 'declined', description: `Update of printer ${UUID} to 1.5.0 declined: auto_update is off` },
    ]);
    const failed = planFor([], [ruleOf()], [subscribe(), report({ kind: 'failed', error: 'no space' })]);
    expect(failed.fleet.ended).toMatchObject([
      { status: 'failed', description: `Update of printer ${UUID} to 1.5.0 failed: no space` },
    ]);
  });
});

describe('The plan of a subscribe of a known printer', () => {
  it.each<[string, Partial<Printer>, Parameters<typeof requestOf>[0], Partial<Printer>]>([
    [
      'keeps what it does not name',
      { platform: 'esp32', updateChannel: 'beta' },
      {},
      { platform: 'esp32', updateChannel: 'beta' },
    ],
    [
      'changes what it names',
      {},
      { name: 'New', channel: 'canary', autoUpdate: false },
      { name: 'New', updateChannel: 'canary', autoUpdate: false },
    ],
    [
      'remembers the version before',
      {},
      { firmwareVersion: '1.5.0' },
      { firmwareVersion: '1.5.0', versionKey: versionKey('1.5.0'), previousVersion: '1.4.0' },
    ],
    ['does not take the owner from a path with its own UUID', {}, { pathId: UUID }, { userId: OWNER }],
    ['keeps the first key', { keyHash: null }, { keyHash: 'a' }, { keyHash: 'a' }],
  ])('%s', (_what, before, request, after) => {
    const { state } = planFor([{ printer: printerOf(before), updates: [] }], [], [subscribe(request)]);
    expect(state?.printer).toMatchObject({ ...after, lastConnected: NOW });
  });

  it.each([
    ['that is blocked', { blocked: true }, null, 'blocked'],
    ['with another key', { keyHash: 'a' }, 'b', 'unauthorized'],
    ['without its key', { keyHash: 'a' }, null, 'unauthorized'],
  ] as const)('refuses one %s, and changes nothing', (_what, columns, keyHash, code) => {
    const before = { printer: printerOf(columns), updates: [] };
    const { outcomes, fleet } = planFor([before], [ruleOf()], [subscribe({ keyHash })]);
    expect(outcomes).toMatchObject([{ refused: { code }, send: null }]);
    expect(fleet.changes()).toEqual([]);
  });
});

describe('The plan of a version at a subscribe', () => {
  const cancelled: never[] = [];
  it.each<
    [
      string,
      Partial<PrinterUpdate>,
      Array<ReturnType<typeof ruleOf>>,
      string,
      Partial<PrinterUpdate> | null,
      boolean,
    ]
  >([
    [
      'completes what arrived',
      {},
      [ruleOf()],
      '1.5.0',
      { status: 'completed', confirmed: true, lastPercent: 100, completedAt: NOW },
      false,
    ],
    [
      'confirms what was reported',
      { status: 'completed', completedAt: EARLIER },
      [ruleOf()],
      '1.5.0',
      { status: 'completed', confirmed: true, completedAt: EARLIER },
      false,
    ],
    [
      'fails what was reported and is not there',
      { status: 'completed', completedAt: EARLIER },
      [ruleOf()],
      '1.4.0',
      { status: 'failed', errorMessage: 'came back with 1.4.0 after reporting 1.5.0' },
      false,
    ],
    [
      'fails what was there and has gone',
      { status: 'completed', confirmed: true, completedAt: EARLIER },
      [ruleOf()],
      '1.3.0',
      { status: 'failed', errorMessage: 'went back to 1.3.0' },
      false,
    ],
    [
      'completes a late success',
      { status: 'failed', errorMessage: 'x', completedAt: EARLIER },
      [ruleOf()],
      '1.5.0',
      { status: 'completed', errorMessage: null },
      false,
    ],
    [
      'sends again what did not arrive',
      {},
      [ruleOf()],
      '1.4.0',
      { status: 'in_progress', attempts: 2, lastSent: SERVICE_TIME },
      true,
    ],
    [
      'gives up after three sends',
      { attempts: 3 },
      [ruleOf()],
      '1.4.0',
      { status: 'failed', errorMessage: 'came back with 1.4.0 after it was sent 3 times' },
      false,
    ],
    [
      'waits during a pause',
      {},
      [ruleOf({ status: 'paused' })],
      '1.4.0',
      { status: 'in_progress', attempts: 1, sendOnResume: true },
      false,
    ],
    [
      'takes back what the server has damaged',
      {},
      [ruleOf({ builds: [buildOf({ damaged: true })] })],
      '1.4.0',
      null,
      false,
    ],
    [
      'fails what was cancelled',
      {},
      cancelled,
      '1.4.0',
      {
        status: 'failed',
        errorMessage: 'came back with 1.4.0; not sent again, for the rollout is cancelled',
      },
      false,
    ],
    ['ends what is above its reach now', {}, [ruleOf()], '1.6.0', { status: 'failed' }, false],
  ])('%s', (_what, update, rules, version, after, sends) => {
    const before = {
      printer: printerOf(update.confirmed ? { version: '1.5.0', previousVersion: '1.4.0' } : {}),
      updates: [updateOf(update)],
    };
    const { outcomes, state } = planFor([before], rules, [subscribe({ firmwareVersion: version })]);
    expect(outcomes[0]?.send != null).toBe(sends);
    if (after === null) expect(state?.updates).toEqual([]);
    else expect(state?.updates).toEqual([expect.objectContaining(after)]);
  });

  it('takes the reported version for the version of a board that never names one', () => {
    const before = {
      printer: printerOf(),
      updates: [updateOf({ status: 'completed', completedAt: EARLIER })],
    };
    const { state } = planFor([before], [ruleOf()], [subscribe({ firmwareVersion: null })]);
    expect(state?.printer).toMatchObject({
      firmwareVersion: '1.5.0',
      versionRolloutId: 1,
      previousVersion: '1.4.0',
    });
  });

  it('remembers a version that a rollout has moved the printer back from', () => {
    const back = updateOf({ rolloutId: 9, version: '1.4.0', status: 'completed', completedAt: EARLIER });
    const before = { printer: printerOf({ version: '1.5.0' }), updates: [back] };
    const { state } = planFor([before], [], [subscribe({ firmwareVersion: '1.4.0' })]);
    expect(state?.printer).toMatchObject({ movedBack: '1.5.0@9', versionRolloutId: 9 });
  });

  it('does not take a step back at the board for one of a rollout', () => {
    const { state } = planFor([{ printer: printerOf({ version: '1.5.0' }), updates: [] }], [], [subscribe()]);
    expect(state?.printer).toMatchObject({ movedBack: null, versionRolloutId: null });
  });
});

describe('The plan of a report', () => {
  it.each<[string, Partial<PrinterUpdate>, Report, Partial<PrinterUpdate>, boolean]>([
    [
      'progress',
      {},
      { kind: 'progress', percent: 45, status: 'x' },
      { lastPercent: 45, lastStatusMessage: 'x', lastHeard: SERVICE_TIME },
      false,
    ],
    [
      'progress without fields',
      { lastPercent: 45 },
      { kind: 'progress', percent: null, status: null },
      { lastPercent: 45, lastHeard: SERVICE_TIME },
      false,
    ],
    [
      'progress of -1',
      {},
      { kind: 'progress', percent: -1, status: 'no space' },
      { status: 'failed', errorMessage: 'no space', lastPercent: -1 },
      true,
    ],
    [
      'a completion',
      {},
      { kind: 'complete', version: '1.5.0' },
      { status: 'completed', confirmed: false },
      false,
    ],
    [
      'a failure',
      {},
      { kind: 'failed', error: 'bad md5' },
      { status: 'failed', errorMessage: 'bad md5' },
      true,
    ],
    [
      'the reason of a failure',
      { status: 'failed', lastPercent: -1, errorMessage: 'x' },
      { kind: 'failed', error: 'bad md5' },
      { status: 'failed', errorMessage: 'bad md5' },
      true,
    ],
    [
      'a failure after the end',
      { status: 'completed' },
      { kind: 'failed', error: 'bad md5' },
      { status: 'completed', errorMessage: null },
      true,
    ],
    [
      'a refusal',
      {},
      { kind: 'declined', version: null, autoUpdate: null },
      { status: 'declined', errorMessage: 'declined by the printer', attempts: 1 },
      true,
    ],
    [
      'a refusal of all',
      {},
      { kind: 'declined', version: null, autoUpdate: false },
      { status: 'declined', errorMessage: 'auto_update is off' },
      true,
    ],
    [
      'a completion twice',
      { status: 'completed', completedAt: EARLIER },
      { kind: 'complete', version: '1.5.0' },
      { status: 'completed', completedAt: EARLIER },
      false,
    ],
  ])('takes in %s', (_what, update, said, after, mayHaveUpdate) => {
    const before = { printer: printerOf(), updates: [updateOf(update)] };
    const { outcomes, state } = planFor([before], [ruleOf()], [report(said)]);
    expect(outcomes).toMatchObject([{ refused: null, mayHaveUpdate }]);
    expect(state?.updates).toEqual([expect.objectContaining(after)]);
  });

  it('keeps the setting that came with a refusal', () => {
    const before = { printer: printerOf(), updates: [updateOf()] };
    const { state } = planFor([before], [], [report({ kind: 'declined', version: null, autoUpdate: false })]);
    expect(state?.printer.autoUpdate).toBe(false);
  });

  it('ignores what comes too late, because the printer was deleted in the meantime', () => {
    const { outcomes, fleet } = planFor([], [ruleOf()], [report({ kind: 'complete', version: '1.5.0' })]);
    expect(outcomes).toMatchObject([{ uuid: UUID, refused: null, send: null, mayHaveUpdate: false }]);
    expect(fleet.changes()).toEqual([]);
  });

  it('refuses what was never sent, and changes nothing', () => {
    const before = { printer: printerOf(), updates: [updateOf()] };
    const { outcomes, fleet } = planFor([before], [], [report({ kind: 'complete', version: '9.0.0' })]);
    expect(outcomes[0]?.refused?.message).toContain('no update to this version was sent to this printer');
    expect(fleet.changes()).toEqual([]);
  });

  it('does not hold damage on the server against the printer', () => {
    const before = { printer: printerOf(), updates: [updateOf()] };
    const rules = [ruleOf({ builds: [buildOf({ damaged: true })] })];
    const { state, fleet } = planFor([before], rules, [report({ kind: 'failed', error: 'HTTP 503' })]);
    expect(state?.updates).toEqual([]);
    expect(fleet.ended).toMatchObject([{ status: null }]);
  });
});

describe('The plan of jobs of one printer', () => {
  it('carries them out in their order, each on what the one before has left', () => {
    const { outcomes, state } = planFor(
      [],
      [ruleOf()],
      [
        subscribe(),
        report({ kind: 'complete', version: '1.5.0' }),
        subscribe({ firmwareVersion: '1.5.0' }),
        { kind: 'offer', uuid: UUID, speaker: CONNECTION },
      ],
    );
    expect(outcomes.map(({ send }) => send !== null)).toEqual([true, false, false, false]);
    expect(state?.updates).toMatchObject([{ status: 'completed', confirmed: true }]);
    expect(state?.printer).toMatchObject({ firmwareVersion: '1.5.0', versionRolloutId: 1 });
  });

  it('drops reports of a connection that another one has replaced', () => {
    const before = { printer: printerOf(), updates: [updateOf()] };
    const late = report({ kind: 'failed', error: 'late' }, CONNECTION, true);
    const { state } = planFor([before], [ruleOf()], [subscribe({}, {}), late]);
    expect(state?.updates).toMatchObject([{ status: 'in_progress', attempts: 2 }]);
  });

  it('offers nothing to a connection that another one has replaced', () => {
    const before = { printer: printerOf(), updates: [updateOf()] };
    const young = {};
    const jobs: PrinterJob[] = [
      subscribe({}, young),
      report({ kind: 'failed', error: 'x' }, young),
      { kind: 'offer', uuid: UUID, speaker: CONNECTION },
    ];
    const { outcomes } = planFor([before], [ruleOf(), ruleOf({ id: 2, version: '1.6.0' })], jobs);
    expect(outcomes.map(({ send }) => send !== null)).toEqual([true, false, false]);
    expect(outcomes[1]?.mayHaveUpdate).toBe(true);
  });

  it('drops reports of a connection whose subscribe was refused', () => {
    const before = { printer: printerOf({ keyHash: 'a' }), updates: [updateOf()] };
    const { fleet } = planFor(
      [before],
      [ruleOf()],
      [subscribe({ keyHash: 'b' }), report({ kind: 'failed', error: 'x' })],
    );
    expect(fleet.changes()).toEqual([]);
  });
});

describe('The plan of a limit', () => {
  const limit = { column: 'lastHeard', seconds: 30, error: 'no progress' } as const;

  it.each([
    ['ends an update that has reached it', {}, 'failed'],
    ['leaves one that was heard of since', { lastHeard: SERVICE_TIME - 29 }, 'in_progress'],
    ['leaves one that has ended', { status: 'completed' }, 'completed'],
  ] as const)('%s', (_what, update, status) => {
    const before = { printer: printerOf(), updates: [updateOf(update)] };
    const { state } = planFor([before], [ruleOf()], [{ kind: 'limit', printerId: 7, limit }]);
    expect(state?.updates[0]?.status).toBe(status);
  });

  it('is not reached while bytes of the download arrive', () => {
    const before = { printer: printerOf(), updates: [updateOf()] };
    const sign: PrinterJob = { kind: 'sign_of_life', printerId: 7, version: '1.5.0' };
    const { state } = planFor([before], [ruleOf()], [sign, { kind: 'limit', printerId: 7, limit }]);
    expect(state?.updates).toMatchObject([{ status: 'in_progress', lastHeard: SERVICE_TIME }]);
  });
});
