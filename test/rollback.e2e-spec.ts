import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AuditListResponse } from '../src/audit/audit.dto.js';
import type { RollbackPreviewResponse } from '../src/rollout/http/dto/rollback-preview.dto.js';
import type { RollbackResponse } from '../src/rollout/http/dto/rollback.dto.js';
import type { PrinterListResponse } from '../src/printer/list/printer-list.dto.js';
import type { DecisionResponse } from '../src/rollout/http/dto/printer-decision.dto.js';
import type { VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import {
  connected,
  counts,
  details,
  expectStatus,
  handled,
  history,
  patch,
  roll,
  rollout,
  upload,
} from './support/factories.js';
import { TestServer } from './support/server.js';
import type { Answer } from './support/server.js';

describe('Going back to an older version', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
    for (const version of ['1.4.0', '1.5.0', '1.6.0']) await upload(server, version);
  });
  afterEach(() => server.stop());

  async function allRun(version: string): Promise<void> {
    await eventually(`all run ${version}`, () =>
      server.printers.every((one) => one.version === version && one.subscribed),
    );
    await Promise.all(server.printers.map(handled));
  }

  /** Why each rollout has nothing for a printer, by the number of the rollout. */
  async function refusals(one: VirtualPrinter): Promise<Record<number, string | null>> {
    const path = `/api/printers/${one.options.uuid}/decision`;
    const { rollouts } = (await server.request<DecisionResponse>('GET', path)).body;
    return Object.fromEntries(rollouts.map(({ rollout_id, reason }) => [rollout_id, reason]));
  }

  it('holds although another rollout of the bad version is still active', async () => {
    await Promise.all(Array.from({ length: 12 }, () => connected(server)));
    const first = await roll(server, '1.5.0', { target: { channels: ['stable'] } });
    await allRun('1.5.0');
    const second = await roll(server, '1.5.0');
    // The guide's two steps.
    await patch(server, first.id, { status: 'cancelled' });
    const back = await roll(server, '1.4.0', { target: { channels: ['stable'] } });
    await allRun('1.4.0');
    await sleep(300);
    await allRun('1.4.0');
    expect(await counts(server, back.id)).toEqual([0, 0, 12, 0, 0]);
    expect(await counts(server, second.id)).toEqual([0, 0, 0, 0, 0]);
    expect(await refusals(server.printers[0]!)).toMatchObject({ [second.id]: 'rolled_back' });
    const late = await connected(server);
    await eventually('a printer that never ran it is sent it', () => late.version === '1.5.0');
  });

  it('is forgotten by a newer rollout of that version', async () => {
    const one = await connected(server);
    const bad = await roll(server, '1.5.0');
    await allRun('1.5.0');
    await patch(server, bad.id, { status: 'cancelled' });
    await roll(server, '1.4.0');
    await allRun('1.4.0');
    await roll(server, '1.5.0');
    await allRun('1.5.0');
    expect(await details(server, one.options.uuid)).toMatchObject({ firmware_version: '1.5.0' });
  });

  it('is never the work of an older rollout than the newest that names the printer', async () => {
    const old = await roll(server, '1.4.0', { allow_downgrade: true });
    const newer = await roll(server, '1.6.0', { target: { channels: ['beta'] } });
    const one = await connected(server, { version: '1.6.0', channel: 'beta' });
    await sleep(100);
    await handled(one);
    expect(one.orders).toEqual([]);
    expect(await refusals(one)).toMatchObject({ [old.id]: 'superseded', [newer.id]: 'up_to_date' });
    expect(await counts(server, old.id)).toEqual([0, 0, 0, 0, 0]);
    // A printer that the newer one does not name is still moved.
    const other = await connected(server, { version: '1.6.0' });
    await eventually('the other one is moved', () => other.version === '1.4.0' && other.subscribed);
    // The older one holds again once the newer is cancelled.
    await patch(server, newer.id, { status: 'cancelled' });
    await allRun('1.4.0');
    expect(await counts(server, old.id)).toEqual([0, 0, 2, 0, 0]);
  });

  it.each([
    ['a list of printers', (one: VirtualPrinter) => ({ printer_ids: [one.options.uuid] })],
    ['its user', (one: VirtualPrinter) => ({ user_ids: [one.options.userId] })],
    ['its channel', () => ({ channels: ['beta'] })],
  ])('counts exactly whom a newer rollout names by %s', async (_how, target) => {
    const one = await connected(server, { version: '1.6.0', channel: 'beta', behaviour: 'hang' });
    await connected(server, { version: '1.6.0', behaviour: 'hang' });
    const old = await roll(server, '1.4.0', {
      allow_downgrade: true,
      rollout_type: 'gradual',
      rollout_percentage: 0,
    });
    expect(await counts(server, old.id)).toEqual([2, 0, 0, 0, 0]);
    const newer = await roll(server, '1.6.0', { target: target(one) });
    expect(await counts(server, old.id)).toEqual([1, 0, 0, 0, 0]);
    const waiting = await roll(server, '1.6.0', {
      rollout_type: 'scheduled',
      scheduled_for: '2200-01-01T00:00:00Z',
    });
    expect(await counts(server, old.id)).toEqual([1, 0, 0, 0, 0]);
    await patch(server, waiting.id, { status: 'active' });
    expect(await counts(server, old.id)).toEqual([0, 0, 0, 0, 0]);
    await server.request('DELETE', `/api/rollouts/${waiting.id}`);
    expect(await counts(server, old.id)).toEqual([1, 0, 0, 0, 0]);
    await server.request('PATCH', '/api/firmware/1.4.0', { release_notes: 'x' });
    expect(await counts(server, old.id)).toEqual([1, 0, 0, 0, 0]);
    await patch(server, newer.id, { status: 'cancelled' });
    expect(await counts(server, old.id)).toEqual([2, 0, 0, 0, 0]);
  });
});

describe('Rolling a version back', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
    for (const version of ['1.3.0', '1.4.0', '1.5.0', '1.6.0']) await upload(server, version);
  });
  afterEach(() => server.stop());

  async function runs(version: string, some: readonly VirtualPrinter[]): Promise<void> {
    await eventually(`${some.length} printers run ${version}`, () =>
      some.every((one) => one.version === version && one.subscribed),
    );
    await Promise.all(some.map(handled));
  }

  const preview = async (version: string, body: object): Promise<RollbackPreviewResponse> => {
    const path = `/api/firmware/${version}/rollback/preview`;
    return expectStatus(await server.request<RollbackPreviewResponse>('POST', path, body), 200);
  };
  const rollBack = (version: string, body: object): Promise<Answer<RollbackResponse>> =>
    server.request<RollbackResponse>('POST', `/api/firmware/${version}/rollback`, body);
  const state = async (version: string): Promise<RollbackResponse> =>
    expectStatus(await server.request<RollbackResponse>('GET', `/api/firmware/${version}/rollback`), 200);

  it('takes every printer to what it ran before, keeps it there, and says how far it is', async () => {
    const old = await Promise.all([1, 2, 3].map(() => connected(server, { version: '1.3.0' })));
    const usual = await Promise.all(
      [1, 2, 3, 4].map(() => connected(server, { version: '1.4.0', channel: 'beta' })),
    );
    const bystander = await connected(server, { version: '1.6.0' });
    const first = await roll(server, '1.5.0', { target: { channels: ['stable'] } });
    const second = await roll(server, '1.5.0', { target: { channels: ['beta'] } });
    await runs('1.5.0', [...old, ...usual]);
    // One has never run anything else, one is offline, and one has its update under way.
    const fresh = await connected(server, { version: '1.5.0' });
    await usual[0]!.stop();
    const slow = await connected(server, { version: '1.4.0', behaviour: 'hang' });
    await eventually('its update is under way', () => slow.orders.length === 1);

    const before = await preview('1.5.0', { to: 'previous' });
    expect(before).toEqual({
      firmware_version: '1.5.0',
      to: 'previous',
      printers: 8,
      online: 7,
      offline: 1,
      under_way: 1,
      opted_out: 0,
      by_version: [
        {
          firmware_version: '1.4.0',
          printers: 5,
          online: 4,
          offline: 1,
          under_way: 1,
          unknown: 1,
          opted_out: 0,
        },
        {
          firmware_version: '1.3.0',
          printers: 3,
          online: 3,
          offline: 0,
          under_way: 0,
          unknown: 0,
          opted_out: 0,
        },
      ],
      cancels: [
        { id: second.id, name: null, status: expect.any(String) as unknown },
        { id: first.id, name: null, status: 'active' },
      ],
      deprecates: true,
      also_rolls_back: [],
      missing: [],
      rollback_id: null,
    });
    expect((await server.request('GET', '/api/firmware/1.5.0/rollback')).status).toBe(404);

    const back = expectStatus(await rollBack('1.5.0', { to: 'previous' }), 201);
    expect(back).toMatchObject({ status: 'active', to: 'previous', rolls_back: [first.id, second.id] });
    const [to14, to13] = back.rollouts;
    expect([to14!.firmware_version, to13!.firmware_version]).toEqual(['1.4.0', '1.3.0']);
    expect(to13).toMatchObject({
      allow_downgrade: true,
      min_version: '1.5.0',
      max_version: '1.5.0',
      created_by: 'local',
      rolls_back: { firmware_version: '1.5.0', rollout_ids: [first.id, second.id], ran_before: ['1.3.0'] },
    });
    await runs('1.3.0', old);
    await runs('1.4.0', [...usual.slice(1), fresh]);
    expect(bystander.orders).toEqual([]);
    expect((await server.request('GET', '/api/firmware/1.5.0')).body.deprecated_at).not.toBeNull();
    for (const { id } of [first, second])
      expect(await rollout(server, id)).toMatchObject({
        status: 'cancelled',
        rolled_back_by: [to14!.id, to13!.id],
      });

    const metrics = (await server.request<string>('GET', '/metrics')).body;
    expect(metrics).toContain('paperminder_rollback_printers{version="1.5.0"} 1');
    expect(await state('1.5.0')).toMatchObject({
      status: 'active',
      printers: 1,
      online: 0,
      offline: 1,
      under_way: 1,
    });
    // The one whose update was under way comes back with it, and so does the one that was offline.
    await slow.stop();
    const late = await connected(server, { ...slow.options, behaviour: 'update', version: '1.5.0' });
    usual[0]!.start();
    await runs('1.4.0', [late, usual[0]!]);
    await eventually('it is completed', async () => (await state('1.5.0')).status === 'completed');
    expect(await state('1.5.0')).toMatchObject({ printers: 0, under_way: 0 });
    expect(await counts(server, to14!.id)).toEqual([0, 0, 6, 0, 0]);
    expect(await counts(server, to13!.id)).toEqual([0, 0, 3, 0, 0]);
  }, 60_000);

  it('goes ahead of a rollout of a higher version, and is not superseded by a newer one', async () => {
    const one = await connected(server, { version: '1.4.0', behaviour: 'hang' });
    await roll(server, '1.5.0');
    await one.stop();
    await roll(server, '1.6.0', { rollout_type: 'gradual', rollout_percentage: 0 });
    const back = expectStatus(await rollBack('1.5.0', { to: '1.4.0' }), 201);
    const newer = await roll(server, '1.6.0');
    const bad = await connected(server, { ...one.options, version: '1.5.0', behaviour: 'hang' });
    await eventually('it is sent 1.4.0', () => bad.orders.length === 1);
    expect(bad.orders[0]!.version).toBe('1.4.0');
    expect(await counts(server, back.rollouts[0]!.id)).toEqual([0, 1, 0, 0, 0]);
    expect(await counts(server, newer.id)).toEqual([1, 0, 0, 0, 0]);
  });

  it('is not completed while a printer that failed or declined still runs the version', async () => {
    const one = await connected(server, { version: '1.5.0', behaviour: 'fail' });
    const back = expectStatus(await rollBack('1.5.0', { to: '1.4.0' }), 201);
    const { id } = back.rollouts[0]!;
    await eventually('its update has failed', async () => (await counts(server, id))[3] === 1);
    expect(await rollout(server, id)).toMatchObject({ status: 'active', pending_count: 0 });
    expect(await state('1.5.0')).toMatchObject({ status: 'active', printers: 1 });
    await one.stop();
    const mended = await connected(server, { ...one.options, version: '1.6.0' });
    await handled(mended);
    expect(await state('1.5.0')).toMatchObject({ status: 'completed', printers: 0 });
    // It comes back with it, and the rollback is there.
    await mended.stop();
    await connected(server, { ...one.options, version: '1.5.0' });
    expect(await state('1.5.0')).toMatchObject({ status: 'active', printers: 1 });
  });

  it('counts the printers that a mandatory version was forced onto, and that decline the older one', async () => {
    await upload(server, '1.7.0', { mandatory: 'true' });
    const forced = await connected(server, { version: '1.4.0', autoUpdate: false });
    const older = await connected(server, { version: '1.3.0', autoUpdate: false });
    const willing = await connected(server, { version: '1.4.0' });
    await roll(server, '1.7.0');
    await runs('1.7.0', [forced, older, willing]);
    const before = await preview('1.7.0', { to: 'previous' });
    expect(before).toMatchObject({ printers: 3, opted_out: 2 });
    expect(before.by_version.map((one) => [one.firmware_version, one.printers, one.opted_out])).toEqual([
      ['1.4.0', 2, 1],
      ['1.3.0', 1, 1],
    ]);
    // One that has not decided yet counts, too.
    await older.stop();
    expectStatus(await rollBack('1.7.0', { to: 'previous' }), 201);
    await runs('1.4.0', [willing]);
    await eventually(
      'it has declined',
      async () => (await history(server, forced.options.uuid))[0]?.status === 'declined',
    );
    expect(await state('1.7.0')).toMatchObject({ status: 'active', printers: 2, online: 1, opted_out: 2 });
    // A mandatory older version reaches them.
    await server.request('PATCH', '/api/firmware/1.4.0', { mandatory: true });
    await runs('1.4.0', [forced]);
    expect(await state('1.7.0')).toMatchObject({ status: 'active', printers: 1, opted_out: 1 });
  });

  it('answers the rollback that is there, refuses another one, and the version itself', async () => {
    await connected(server, { version: '1.5.0', behaviour: 'hang' });
    const first = expectStatus(await rollBack('1.5.0', { to: '1.4.0' }), 201);
    const again = expectStatus(await rollBack('1.5.0', { to: '1.4.0' }), 200);
    expect(again.id).toBe(first.id);
    expect(await preview('1.5.0', { to: '1.4.0' })).toMatchObject({ rollback_id: first.id, cancels: [] });
    const id = first.rollouts[0]!.id;
    expect((await rollBack('1.5.0', { to: '1.3.0' })).body).toMatchObject({
      status: 409,
      detail: `Firmware 1.5.0 is being rolled back to 1.4.0 already, by rollout ${id}; cancel that first`,
    });
    await server.request('PATCH', '/api/firmware/1.5.0', { deprecated: false });
    const wanted = { firmware_version: '1.5.0', target: { all: true }, rollout_type: 'immediate' };
    expect((await server.request('POST', '/api/rollouts', wanted)).body).toMatchObject({
      status: 409,
      detail: `Firmware 1.5.0 is being rolled back by rollout ${id}; cancel that first`,
    });
    await patch(server, id, { status: 'cancelled' });
    expect(await state('1.5.0')).toMatchObject({ status: 'cancelled' });
    expect(expectStatus(await rollBack('1.5.0', { to: '1.3.0' }), 201).id).not.toBe(first.id);
  });

  it('reaches printers that come and go while it happens, and counts them exactly', async () => {
    const fleet = await Promise.all(
      Array.from({ length: 12 }, () => connected(server, { version: '1.4.0' })),
    );
    await roll(server, '1.5.0');
    await runs('1.5.0', fleet);
    const restless = fleet.slice(0, 8).map(async (one) => {
      for (let times = 0; times < 5; times += 1) {
        await one.close();
        await eventually('it is back', () => one.subscribed);
      }
    });
    const [to14] = expectStatus(await rollBack('1.5.0', { to: 'previous' }), 201).rollouts;
    await Promise.all(restless);
    await runs('1.4.0', fleet);
    await eventually('all are counted', async () => (await counts(server, to14!.id))[2] === 12);
    expect(await counts(server, to14!.id)).toEqual([0, 0, 12, 0, 0]);
    expect(await state('1.5.0')).toMatchObject({ status: 'completed', printers: 0 });
  }, 60_000);

  it('creates one rollback, whoever asks at the same time', async () => {
    await connected(server, { version: '1.5.0', behaviour: 'hang' });
    const answers = await Promise.all([1, 2, 3, 4].map(() => rollBack('1.5.0', { to: 'previous' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  });

  it('is refused with the list of what is missing, and changes nothing then', async () => {
    await server.request('DELETE', '/api/firmware/1.3.0');
    await upload(server, '1.3.0', { platform: 'esp8266' });
    await server.request('PATCH', '/api/firmware/1.4.0', { deprecated: true });
    const fleet = [
      await connected(server, { version: '1.3.0', platform: 'esp32' }),
      await connected(server, { version: '1.3.0', platform: 'esp8266' }),
      await connected(server, { version: '1.4.0' }),
      await connected(server, { version: '1.2.0' }),
    ];
    const bad = await roll(server, '1.5.0');
    await runs('1.5.0', fleet);
    const { missing } = await preview('1.5.0', { to: 'previous' });
    expect(
      missing.map(({ firmware_version, platform, reason, printers: count }) => [
        firmware_version,
        platform,
        reason,
        count,
      ]),
    ).toEqual([
      ['1.4.0', null, 'deprecated', 1],
      ['1.3.0', 'esp32', 'no_build_for_platform', 1],
      ['1.2.0', null, 'no_firmware', 1],
    ]);
    const refused = await rollBack('1.5.0', { to: 'previous' });
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ detail: expect.stringContaining('1.3.0 for esp32') as unknown });
    expect(await rollout(server, bad.id)).toMatchObject({ status: 'completed', rolled_back_by: [] });
    expect((await server.request('GET', '/api/firmware/1.5.0')).body.deprecated_at).toBeNull();
  });

  it('is refused in plain words if no printer runs the version', async () => {
    await upload(server, '1.0.0');
    const plain = 'No printer runs the version, and there is no older version to go back to.';
    expect((await preview('1.0.0', { to: 'previous' })).missing).toMatchObject([
      { reason: 'no_older_version', description: plain, printers: 0 },
    ]);
    expect((await rollBack('1.0.0', { to: 'previous' })).body).toMatchObject({
      detail: `Firmware 1.0.0 cannot be rolled back: ${plain}`,
    });
    await connected(server, { version: '1.0.0' });
    expect((await rollBack('1.0.0', { to: 'previous' })).body).toMatchObject({
      detail: expect.stringMatching(/ran before, and there is no older .* \(1 printer\)$/) as unknown,
    });
  });

  it('leaves its printers up to date, whichever version each has gone back to', async () => {
    const fleet = [
      await connected(server, { version: '1.4.0' }),
      await connected(server, { version: '1.3.0' }),
    ];
    await roll(server, '1.5.0');
    await runs('1.5.0', fleet);
    const { body } = await rollBack('1.5.0', { to: 'previous' });
    await eventually('all are back', () => fleet.every((one) => one.version < '1.5.0' && one.subscribed));
    const rollouts = body.rollouts;
    for (const one of fleet) {
      await handled(one);
      const { id } = rollouts.find(({ firmware_version: version }) => version === one.version)!;
      const path = `/api/printers/${one.options.uuid}/decision`;
      expect((await server.request('GET', path)).body).toMatchObject({
        send: false,
        reason: 'up_to_date',
        rollout_id: id,
      });
    }
  });

  it('is refused while an older image is damaged on the disk', async () => {
    const { sha256_checksum: sha256 } = (await server.request('GET', '/api/firmware/1.4.0')).body;
    await connected(server, { version: '1.5.0', behaviour: 'hang' });
    await writeFile(join(server.uploads, String(sha256)), 'damaged');
    expect((await preview('1.5.0', { to: '1.4.0' })).missing).toMatchObject([{ reason: 'image_damaged' }]);
    expect((await rollBack('1.5.0', { to: '1.4.0' })).status).toBe(409);
  });

  it.each([
    ['a version that nobody knows', '9.9.9', { to: 'previous' }, 404],
    ['a newer version to go to', '1.5.0', { to: '1.6.0' }, 400],
    ['the version itself to go to', '1.5.0', { to: '1.5.0' }, 400],
    ['no version to go to', '1.5.0', {}, 400],
    ['something that is no version', '1.5.0', { to: 'older' }, 400],
  ])('is refused for %s', async (_what, version, body, status) => {
    expect((await rollBack(version, body)).status).toBe(status);
    const path = `/api/firmware/${version}/rollback/preview`;
    expect((await server.request('POST', path, body)).status).toBe(status);
  });

  it('fails on a printer whose boot loader reverts to the bad version, and a retry moves it again', async () => {
    const one = await connected(server);
    await roll(server, '1.5.0');
    await runs('1.5.0', [one]);
    const [back] = expectStatus(await rollBack('1.5.0', { to: 'previous' }), 201).rollouts;
    await runs('1.4.0', [one]);
    await one.stop();
    const reverted = await connected(server, { ...one.options, version: '1.5.0' });
    await handled(reverted);
    expect(await rollout(server, back!.id)).toMatchObject({ status: 'active', failed_count: 1 });
    expect((await history(server, one.options.uuid))[0]).toMatchObject({
      firmware_version: '1.4.0',
      status: 'failed',
      error_message: 'went back to 1.5.0',
    });
    await server.request('POST', `/api/rollouts/${back!.id}/retry`);
    await runs('1.4.0', [reverted]);
    expect(await rollout(server, back!.id)).toMatchObject({ status: 'completed', completed_count: 1 });
  });

  it('takes along the printers that have yet to reconnect from a newer version', async () => {
    const [stays, leaves] = await Promise.all([connected(server), connected(server)]);
    await roll(server, '1.5.0');
    await runs('1.5.0', [stays, leaves]);
    await roll(server, '1.6.0');
    await runs('1.6.0', [stays, leaves]);
    await leaves.stop();
    expectStatus(await rollBack('1.6.0', { to: 'previous' }), 201);
    await runs('1.5.0', [stays]);
    expect((await preview('1.5.0', { to: 'previous' })).also_rolls_back).toEqual([
      { firmware_version: '1.6.0', to: '1.4.0', printers: 1 },
    ]);
    expectStatus(await rollBack('1.5.0', { to: 'previous' }), 201);
    expect((await preview('1.5.0', { to: 'previous' })).also_rolls_back).toEqual([]);
    await runs('1.4.0', [stays]);
    expect(await state('1.6.0')).toMatchObject({ to: '1.4.0', status: 'active', offline: 1 });
    const late = await connected(server, { ...leaves.options, version: '1.6.0' });
    await runs('1.4.0', [late]);
    expect(await state('1.6.0')).toMatchObject({ status: 'completed', printers: 0 });
  });

  it('is not completed while an update to the bad version is under way', async () => {
    const slow = await connected(server, { behaviour: 'hang' });
    await roll(server, '1.5.0');
    await eventually('its update is under way', () => slow.orders.length === 1);
    const [back] = expectStatus(await rollBack('1.5.0', { to: 'previous' }), 201).rollouts;
    expect(await rollout(server, back!.id)).toMatchObject({ status: 'active' });
    slow.send({ kind: 'firmware_failed', error: 'no space' });
    await handled(slow);
    expect(await rollout(server, back!.id)).toMatchObject({ status: 'completed' });
  });

  it('counts a printer that has reported the bad version and reboots, and is not completed before it is back', async () => {
    const rebooting = await connected(server, { behaviour: 'hang', reconnectMs: 3_600_000 });
    await roll(server, '1.5.0');
    await eventually('its update is under way', () => rebooting.orders.length === 1);
    rebooting.send({ kind: 'firmware_complete', version: '1.5.0' });
    await handled(rebooting);
    rebooting.vanish();
    expect(await preview('1.5.0', { to: 'previous' })).toMatchObject({ printers: 0, under_way: 1 });
    expectStatus(await rollBack('1.5.0', { to: 'previous' }), 201);
    expect(await state('1.5.0')).toMatchObject({ status: 'active', printers: 0, under_way: 1 });
    const arriving = expectStatus(
      await server.request<PrinterListResponse>('GET', '/api/printers?about_to_run=1.5.0'),
      200,
    );
    expect(arriving.printers.map(({ uuid }) => uuid)).toEqual([rebooting.options.uuid]);
    expect((await server.request<string>('GET', '/metrics')).body).toContain(
      'paperminder_rollback_printers_under_way{version="1.5.0"} 1',
    );
    await rebooting.stop();
    const back = await connected(server, { ...rebooting.options, behaviour: 'update', version: '1.5.0' });
    await runs('1.4.0', [back]);
    expect(await state('1.5.0')).toMatchObject({ status: 'completed', printers: 0, under_way: 0 });
  });

  it.each(['is back with the old one', 'is blocked', 'is deleted'])(
    'is completed when a printer that had reported the bad version %s',
    async (end) => {
      const one = await connected(server, { behaviour: 'hang', reconnectMs: 3_600_000 });
      await roll(server, '1.5.0');
      await eventually('its update is under way', () => one.orders.length === 1);
      one.send({ kind: 'firmware_complete', version: '1.5.0' });
      await handled(one);
      expectStatus(await rollBack('1.5.0', { to: 'previous' }), 201);
      expect(await state('1.5.0')).toMatchObject({ status: 'active', under_way: 1 });
      const path = `/api/printers/${one.options.uuid}`;
      if (end === 'is blocked') expectStatus(await server.request('PATCH', path, { blocked: true }), 200);
      else if (end === 'is deleted') expectStatus(await server.request('DELETE', path), 204);
      else {
        await one.stop();
        await connected(server, one.options);
      }
      expect(await state('1.5.0')).toMatchObject({ status: 'completed', printers: 0, under_way: 0 });
    },
  );

  it('counts a printer that reports the bad version after its update has failed once it reconnects with it', async () => {
    const one = await connected(server, { behaviour: 'hang', reconnectMs: 3_600_000 });
    await roll(server, '1.5.0');
    await eventually('its update is under way', () => one.orders.length === 1);
    expectStatus(await rollBack('1.5.0', { to: 'previous' }), 201);
    const path = `/api/printers/${one.options.uuid}/updates`;
    const [update] = await history(server, one.options.uuid);
    expectStatus(await server.request('POST', `${path}/${update!.id}/abort`), 200);
    one.send({ kind: 'firmware_complete', version: '1.5.0' });
    await handled(one);
    expect((await history(server, one.options.uuid))[0]).toMatchObject({ status: 'failed' });
    expect(await state('1.5.0')).toMatchObject({ status: 'completed', under_way: 0 });
    await one.stop();
    const back = await connected(server, { ...one.options, version: '1.5.0' });
    await eventually('it is sent 1.4.0', () => back.orders.length === 1);
    expect(await state('1.5.0')).toMatchObject({ status: 'active', printers: 1 });
    back.send({ kind: 'firmware_complete', version: '1.4.0' });
    await back.stop();
    await connected(server, { ...one.options, version: '1.4.0' });
    expect(await state('1.5.0')).toMatchObject({ status: 'completed', printers: 0 });
  });

  it('is shown as of one moment while the fleet moves', async () => {
    const size = 40;
    const fleet = await Promise.all(
      Array.from({ length: size }, (_, index) => connected(server, { rebootMs: 20 + 5 * index })),
    );
    await roll(server, '1.5.0');
    const torn = new Set<string>();
    let reads = 0;
    let isMoving = true;
    const watch = async (): Promise<void> => {
      while (isMoving) {
        const { status, body } = await server.request<RollbackResponse>(
          'GET',
          '/api/firmware/1.5.0/rollback',
        );
        if (status !== 200) continue;
        reads += 1;
        const { printers: left, offline, under_way: underWay } = body;
        const isOver = left === 0 && underWay === 0;
        if (left + underWay > size || offline < 0) torn.add(`${left} + ${underWay}, ${offline} offline`);
        if ((body.status === 'completed') !== isOver) torn.add(`${body.status}: ${left} + ${underWay}`);
      }
    };
    const watching = [watch(), watch(), watch()];
    await sleep(100);
    expectStatus(await rollBack('1.5.0', { to: 'previous' }), 201);
    await runs('1.4.0', fleet);
    await eventually('it is completed', async () => (await state('1.5.0')).status === 'completed');
    isMoving = false;
    await Promise.all(watching);
    expect(reads).toBeGreaterThan(size / 2);
    expect([...torn]).toEqual([]);
  }, 60_000);

  it('counts what is under way to a version by a rollout that is deleted, and ends with it', async () => {
    const one = await connected(server, { behaviour: 'hang', reconnectMs: 3_600_000 });
    const { id } = await roll(server, '1.5.0');
    await eventually('its update is under way', () => one.orders.length === 1);
    expectStatus(await server.request('DELETE', `/api/rollouts/${id}`), 204);
    expectStatus(await rollBack('1.5.0', { to: '1.4.0' }), 201);
    expect(await state('1.5.0')).toMatchObject({ status: 'active', printers: 0, under_way: 1 });
    await one.stop();
    await connected(server, { ...one.options, reconnectMs: 500 });
    expect(await state('1.5.0')).toMatchObject({ status: 'completed', printers: 0, under_way: 0 });
  });

  it('counts what is under way to a version in a second rollback of it, too', async () => {
    const one = await connected(server, { behaviour: 'hang', reconnectMs: 3_600_000 });
    await roll(server, '1.5.0');
    await eventually('its update is under way', () => one.orders.length === 1);
    const [first] = expectStatus(await rollBack('1.5.0', { to: '1.4.0' }), 201).rollouts;
    await patch(server, first!.id, { status: 'cancelled' });
    expectStatus(await rollBack('1.5.0', { to: '1.3.0' }), 201);
    expect(await state('1.5.0')).toMatchObject({ status: 'active', printers: 0, under_way: 1 });
    one.send({ kind: 'firmware_failed', error: 'no space' });
    await handled(one);
    expect(await state('1.5.0')).toMatchObject({ status: 'completed', printers: 0, under_way: 0 });
  });

  it('survives a restart, and stands in the audit log', async () => {
    const one = await connected(server, { version: '1.5.0', behaviour: 'hang' });
    await one.stop();
    const back = expectStatus(await rollBack('1.5.0', { to: '1.4.0' }), 201);
    await server.restart();
    expect(await state('1.5.0')).toMatchObject({ id: back.id, printers: 1, offline: 1 });
    const { entries } = (
      await server.request<AuditListResponse>('GET', '/api/audit?action=firmware.rollback')
    ).body;
    expect(entries).toMatchObject([
      {
        subject: 'firmware/1.5.0',
        after: { to: '1.4.0', deprecate: true, rollouts: [back.rollouts[0]!.id], cancelled_rollouts: [] },
      },
    ]);
    await runs('1.4.0', [await connected(server, { ...one.options, behaviour: 'update' })]);
  });
});

describe('What is due', () => {
  let server: TestServer;
  // By the printer protocol's test vectors, their buckets are 25, 47, 65, 89 and 94.
  const uuids = [
    '880e8400-e29b-41d4-a716-446655440001',
    '00000000-0000-0000-0000-000000000000',
    '550e8400-e29b-41d4-a716-446655440000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '770e8400-e29b-41d4-a716-446655440000',
  ];

  beforeEach(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0');
    for (const uuid of uuids) await connected(server, { uuid, behaviour: 'hang' });
  });
  afterEach(() => server.stop());

  const due = async (id: number): Promise<number[]> => {
    const { due_count, due_pending_count, pending_count } = await rollout(server, id);
    return [due_count, due_pending_count, pending_count];
  };

  it('is counted by bucket, sent or not, and exactly so in a small fleet', async () => {
    await server.printers[1]!.stop();
    const gradual = { rollout_type: 'gradual', rollout_percentage: 10 };
    const preview = await server.request('POST', '/api/rollouts/preview', {
      firmware_version: '1.5.0',
      target: { all: true },
      ...gradual,
    });
    expect(preview.body).toMatchObject({ matching: 5, due: 0, now: 0 });
    const { id } = await roll(server, '1.5.0', gradual);
    expect(await due(id)).toEqual([0, 0, 5]);
    const wider = await server.request('POST', `/api/rollouts/${id}/preview`, { rollout_percentage: 50 });
    expect(wider.body).toMatchObject({ due: 2, now: 1 });
    await patch(server, id, { rollout_percentage: 50 });
    await eventually('the one that is connected is sent it', async () => (await due(id))[1] === 1);
    expect(await due(id)).toEqual([2, 1, 4]);
    await patch(server, id, { status: 'paused', rollout_percentage: 90 });
    expect(await due(id)).toEqual([4, 3, 4]);
    // Down recalls nothing that was sent.
    await patch(server, id, { rollout_percentage: 0 });
    expect(await due(id)).toEqual([1, 0, 4]);
    // It would come back by itself.
    await server.printers[3]!.stop();
    await server.request('DELETE', `/api/printers/${uuids[3]}`);
    await patch(server, id, { rollout_percentage: 90 });
    expect(await due(id)).toEqual([3, 2, 3]);
    await patch(server, id, { status: 'cancelled' });
    expect(await due(id)).toEqual([3, 2, 3]);
  });

  it('is nothing before the time of a scheduled rollout', async () => {
    const { id } = await roll(server, '1.5.0', {
      rollout_type: 'scheduled',
      scheduled_for: '2200-01-01T00:00:00Z',
    });
    expect(await due(id)).toEqual([0, 0, 5]);
  });
});

describe('The name and the note of a rollout', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0');
  });
  afterEach(() => server.stop());

  it('can be given, changed and taken away in every state, and name who created it', async () => {
    const emoji = '🖨'.repeat(100);
    const { id } = await roll(server, '1.5.0', { name: emoji, note: 'first\nsecond' });
    expect(await rollout(server, id)).toMatchObject({
      name: emoji,
      note: 'first\nsecond',
      created_by: 'local',
    });
    await patch(server, id, { status: 'cancelled' });
    expect(await patch(server, id, { name: 'October' })).toMatchObject({
      name: 'October',
      note: 'first\nsecond',
    });
    expect(await patch(server, id, { note: null })).toMatchObject({ name: 'October', note: null });
    expect(await patch(server, id, { name: '' })).toMatchObject({ name: null });
    const { entries } = (await server.request<AuditListResponse>('GET', '/api/audit?action=rollout.change'))
      .body;
    expect(entries[1]).toMatchObject({ before: { note: 'first\nsecond' }, after: { note: null } });
    for (const body of [{ name: `${emoji}x` }, { note: 'x'.repeat(2_001) }, { name: 5 }, {}])
      expect((await server.request('PATCH', `/api/rollouts/${id}`, body)).status).toBe(400);
  });
});
