import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UpdateLimits } from '../src/rollout/updates/update-limits.js';
import type { SummaryResponse } from '../src/fleet/summary.dto.js';
import type { RolloutResponse } from '../src/rollout/http/dto/rollout-response.dto.js';
import type { UpdateResponse } from '../src/rollout/http/dto/update.dto.js';
import type { VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import {
  connected,
  counts,
  details,
  handled,
  history,
  patch,
  printer,
  roll,
  upload,
} from './support/factories.js';
import { TestServer } from './support/server.js';

const MINUTE = 60_000;

describe('The life of an update', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0');
  });
  afterAll(() => server.stop());

  /** A printer that was sent 1.5.0 and does nothing by itself. */
  async function underWay(): Promise<{ one: VirtualPrinter; id: number }> {
    const one = printer(server, { behaviour: 'hang' });
    const { id } = await roll(server, '1.5.0', { target: { user_ids: [one.options.userId] } });
    one.start();
    await eventually('the update', () => one.orders.length === 1);
    return { one, id };
  }

  /** Connects a printer, and waits until the server knows it. */
  async function start(one: VirtualPrinter): Promise<void> {
    one.start();
    await eventually('it is known', () =>
      one.received.some((message) => message.code === 'subscription_accepted'),
    );
  }

  async function comeBack(one: VirtualPrinter, version = one.version): Promise<void> {
    one.version = version;
    const subscribes = one.received.filter((message) => message.code === 'subscription_accepted').length;
    await one.close();
    await eventually(
      'it has subscribed again',
      () => one.received.filter((message) => message.code === 'subscription_accepted').length > subscribes,
    );
  }

  async function last(one: VirtualPrinter, status: string): Promise<UpdateResponse> {
    const updates = await eventually(
      `the update is ${status}`,
      () => history(server, one.options.uuid),
      ([first]) => first?.status === status,
    );
    return updates[0]!;
  }

  async function totals(id: number, expected: number[]): Promise<void> {
    await eventually(
      `the counters are ${expected.join()}`,
      () => counts(server, id),
      (seen) => seen.join() === expected.join(),
    );
  }

  it.each([
    ['closes its socket to download, and loses its firmware_complete', true],
    ['stays connected, and reports its progress', false],
  ])('ends well for a printer that %s', async (_how, closesSocketToDownload) => {
    const one = printer(server, {
      platform: closesSocketToDownload ? 'esp8266' : 'esp32',
      closesSocketToDownload,
    });
    const { id } = await roll(server, '1.5.0', { target: { printer_ids: [one.options.uuid] } });
    await start(one);
    await eventually('it is back with the new version', async () => {
      return (await details(server, one.options.uuid)).firmware_version === '1.5.0';
    });
    expect(one.orders).toHaveLength(1);
    expect(await last(one, 'completed')).toEqual({
      id: expect.any(Number),
      rollout_id: id,
      printer_id: one.options.uuid,
      firmware_version: '1.5.0',
      status: 'completed',
      error_message: null,
      started_at: expect.stringMatching(/Z$/),
      completed_at: expect.stringMatching(/Z$/),
      last_percent: 100,
      last_status_message: 'Update completed successfully',
    });
    expect(await counts(server, id)).toEqual([0, 0, 1, 0, 0]);
  });

  it('shows the progress that the printer reports', async () => {
    const { one, id } = await underWay();
    expect(await last(one, 'in_progress')).toMatchObject({
      last_percent: 0,
      last_status_message: null,
      completed_at: null,
    });
    one.send({ kind: 'firmware_progress', percent: 45, status: 'Downloading 45%' });
    await eventually('the progress', async () => (await last(one, 'in_progress')).last_percent === 45);
    expect((await last(one, 'in_progress')).last_status_message).toBe('Downloading 45%');
    expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
  });

  it('takes the version at the subscribe for the truth if firmware_complete got lost', async () => {
    const { one, id } = await underWay();
    await comeBack(one, '1.5.0');
    expect(await last(one, 'completed')).toMatchObject({ last_percent: 100, error_message: null });
    await totals(id, [0, 0, 1, 0, 0]);
  });

  it('is sent again to a printer that reconnects without it, three times in all', async () => {
    const { one, id } = await underWay();
    await comeBack(one);
    await comeBack(one);
    await eventually('three sends', () => one.orders.length === 3);
    await totals(id, [0, 1, 0, 0, 0]);
    expect(await history(server, one.options.uuid)).toHaveLength(1);
    await comeBack(one);
    expect(await last(one, 'failed')).toMatchObject({
      error_message: 'came back with 1.4.0 after it was sent 3 times',
    });
    expect(one.orders).toHaveLength(3);
    await totals(id, [0, 0, 0, 1, 0]);
    await comeBack(one);
    expect(one.orders).toHaveLength(3);
  });

  it('fails if the printer rolls itself back after firmware_complete', async () => {
    const { one, id } = await underWay();
    const before = (await server.request('GET', '/api/firmware/1.5.0')).body;
    one.send({ kind: 'firmware_complete', version: 'v1.5' });
    await totals(id, [0, 0, 1, 0, 0]);
    await comeBack(one);
    expect(await last(one, 'failed')).toMatchObject({
      error_message: 'came back with 1.4.0 after reporting 1.5.0',
      last_status_message: 'came back with 1.4.0 after reporting 1.5.0',
    });
    await totals(id, [0, 0, 0, 1, 0]);
    expect(one.orders).toHaveLength(1);
    const after = (await server.request('GET', '/api/firmware/1.5.0')).body;
    expect(after.success_count).toBe(before.success_count);
    expect(after.failure_count).toBe((before.failure_count as number) + 1);
  });

  it('is believed of a printer that never names its version', async () => {
    const { one, id } = await underWay();
    one.send({ kind: 'firmware_complete', version: '1.5.0' });
    await totals(id, [0, 0, 1, 0, 0]);
    one.subscribeMessage = () => ({ printer_name: 'Silent', printer_id: one.options.uuid });
    await comeBack(one);
    expect((await details(server, one.options.uuid)).firmware_version).toBe('1.5.0');
    expect(await counts(server, id)).toEqual([0, 0, 1, 0, 0]);
  });

  describe('once proved by a subscribe', () => {
    /** A printer that has subscribed with 1.5.0 after its update; a second subscribe shows that it stays completed. */
    async function proved(): Promise<{ one: VirtualPrinter; id: number }> {
      const { one, id } = await underWay();
      one.send({ kind: 'firmware_complete', version: '1.5.0' });
      await comeBack(one, '1.5.0');
      await comeBack(one, '1.5.0');
      await totals(id, [0, 0, 1, 0, 0]);
      return { one, id };
    }

    it('fails after all when the printer goes back to an older version', async () => {
      const { one, id } = await proved();
      const before = (await server.request('GET', '/api/firmware/1.5.0')).body;
      const { updates: day } = (await server.request<SummaryResponse>('GET', '/api/summary')).body;
      await comeBack(one, '1.3.0');
      expect(await last(one, 'failed')).toMatchObject({
        firmware_version: '1.5.0',
        error_message: 'went back to 1.3.0',
        last_status_message: 'went back to 1.3.0',
      });
      await totals(id, [0, 0, 0, 1, 0]);
      const after = (await server.request('GET', '/api/firmware/1.5.0')).body;
      expect(after.success_count).toBe((before.success_count as number) - 1);
      expect(after.failure_count).toBe((before.failure_count as number) + 1);
      const { updates: dayAfter } = (await server.request<SummaryResponse>('GET', '/api/summary')).body;
      expect(dayAfter.completed_last_day).toBe(day.completed_last_day - 1);
      expect(dayAfter.failed_last_day).toBe(day.failed_last_day + 1);
      expect((await server.request('GET', `/api/rollouts/${id}`)).body.status).toBe('completed');
      expect(one.orders).toHaveLength(1);
    });

    it('and gone back from, is sent again by a retry', async () => {
      const { one, id } = await proved();
      await comeBack(one, '1.4.0');
      await totals(id, [0, 0, 0, 1, 0]);
      await server.request('POST', `/api/rollouts/${id}/retry`);
      await eventually('the second send', () => one.orders.length === 2);
      await totals(id, [0, 1, 0, 0, 0]);
      expect((await server.request('GET', `/api/rollouts/${id}`)).body.status).toBe('active');
      await comeBack(one, '1.5.0');
      await totals(id, [0, 0, 1, 0, 0]);
      expect((await history(server, one.options.uuid)).map(({ status }) => status)).toEqual([
        'completed',
        'failed',
      ]);
    });

    it('is completed again when the printer returns to the new version', async () => {
      const { one, id } = await proved();
      await comeBack(one, '1.4.0');
      await totals(id, [0, 0, 0, 1, 0]);
      await comeBack(one, '1.5.0');
      expect(await last(one, 'completed')).toMatchObject({ error_message: null });
      await totals(id, [0, 0, 1, 0, 0]);
    });

    it('stays completed when the printer is flashed with a newer version', async () => {
      const { one, id } = await proved();
      await comeBack(one, '1.9.0');
      await handled(one);
      await totals(id, [0, 0, 1, 0, 0]);
    });

    it('stays completed when a later update of ours moves the printer back', async () => {
      await upload(server, '1.4.4');
      const { one, id } = await proved();
      const target = { user_ids: [one.options.userId] };
      const back = await roll(server, '1.4.4', { target, allow_downgrade: true });
      await eventually('the way back', () => one.orders.length === 2);
      await comeBack(one, '1.4.4');
      await totals(back.id, [0, 0, 1, 0, 0]);
      await comeBack(one, '1.4.4');
      await handled(one);
      expect(await counts(server, id)).toEqual([0, 0, 1, 0, 0]);
      await comeBack(one, '1.4.0');
      await totals(back.id, [0, 0, 0, 1, 0]);
      expect(await counts(server, id)).toEqual([0, 0, 1, 0, 0]);
    });
  });

  it('waits for the reboot after firmware_complete before anything else is sent', async () => {
    await upload(server, '1.6.0');
    const { one } = await underWay();
    one.send({ kind: 'firmware_complete', version: '1.5.0' });
    await last(one, 'completed');
    await roll(server, '1.6.0', { target: { user_ids: [one.options.userId] } });
    await handled(one);
    expect(one.orders).toHaveLength(1);
    await comeBack(one, '1.5.0');
    await eventually('the next update', () => one.orders.length === 2);
    expect(one.orders[1]!.version).toBe('1.6.0');
  });

  it('counts no report twice, and lets none change a final state', async () => {
    const { one, id } = await underWay();
    for (let times = 0; times < 3; times++) one.send({ kind: 'firmware_complete', version: '1.5.0' });
    one.send({ kind: 'firmware_failed', error: 'late' });
    one.send({ kind: 'firmware_progress', percent: 10, status: 'very late' });
    one.send({ kind: 'firmware_declined', version: '1.5.0', auto_update: true });
    await handled(one);
    expect(await last(one, 'completed')).toMatchObject({ error_message: null, last_percent: 100 });
    expect(await counts(server, id)).toEqual([0, 0, 1, 0, 0]);
  });

  it('is completed after all if the printer reconnects with it after it was failed', async () => {
    const { one, id } = await underWay();
    one.send({ kind: 'firmware_failed', error: 'Update failed: HTTP error 404' });
    expect(await last(one, 'failed')).toMatchObject({ error_message: 'Update failed: HTTP error 404' });
    await totals(id, [0, 0, 0, 1, 0]);
    await comeBack(one, '1.5.0');
    expect(await last(one, 'completed')).toMatchObject({ error_message: null });
    await totals(id, [0, 0, 1, 0, 0]);
  });

  it('is completed after all if that happens after a retry was asked for', async () => {
    const { one, id } = await underWay();
    one.send({ kind: 'firmware_failed', error: 'no space' });
    await totals(id, [0, 0, 0, 1, 0]);
    await one.stop();
    await server.request('POST', `/api/rollouts/${id}/retry`);
    await totals(id, [1, 0, 0, 0, 0]);
    one.version = '1.5.0';
    await start(one);
    await totals(id, [0, 0, 1, 0, 0]);
    expect((await history(server, one.options.uuid)).map((update) => update.status)).toEqual(['completed']);
  });

  it('is not counted twice if that happens after a retry and a cancel', async () => {
    const { one, id } = await underWay();
    one.send({ kind: 'firmware_failed', error: 'no space' });
    await totals(id, [0, 0, 0, 1, 0]);
    await one.stop();
    await server.request('POST', `/api/rollouts/${id}/retry`);
    await patch(server, id, { status: 'cancelled' });
    await totals(id, [1, 0, 0, 0, 0]);
    one.version = '1.5.0';
    one.start();
    await totals(id, [0, 0, 1, 0, 0]);
  });

  it('fails at a progress of -1, and takes the better reason that follows', async () => {
    const { one, id } = await underWay();
    one.send({ kind: 'firmware_progress', percent: -1, status: 'error' });
    expect(await last(one, 'failed')).toMatchObject({ error_message: 'error', last_percent: -1 });
    one.send({ kind: 'firmware_failed', error: 'MD5 Check failed' });
    await eventually(
      'the better reason',
      async () => (await last(one, 'failed')).error_message === 'MD5 Check failed',
    );
    await totals(id, [0, 0, 0, 1, 0]);
  });

  it('survives a disconnect in the middle', async () => {
    const { one, id } = await underWay();
    one.vanish();
    await eventually('it is seen as gone, or is back', () => one.received.length > 4);
    await totals(id, [0, 1, 0, 0, 0]);
  });

  describe('without a sign of life', () => {
    const sweep = (): Promise<void> => server.get(UpdateLimits).check();

    it('fails after 30 minutes', async () => {
      const { one, id } = await underWay();
      server.clock.advance(29 * MINUTE);
      await sweep();
      await totals(id, [0, 1, 0, 0, 0]);
      server.clock.advance(MINUTE);
      await sweep();
      expect(await last(one, 'failed')).toMatchObject({ error_message: 'no progress for 30 minutes' });
      await totals(id, [0, 0, 0, 1, 0]);
      // It took longer than the limit, but it worked.
      await comeBack(one, '1.5.0');
      await totals(id, [0, 0, 1, 0, 0]);
    });

    it.each([
      ['a report', async (one: VirtualPrinter) => one.send({ kind: 'firmware_progress', percent: 1 })],
      ['a subscribe', (one: VirtualPrinter) => comeBack(one)],
      ['a download', (one: VirtualPrinter) => fetch(one.orders[0]!.url)],
    ])('means: without %s', async (_what, sign) => {
      const { one, id } = await underWay();
      server.clock.advance(29 * MINUTE);
      await sign(one);
      await handled(one);
      server.clock.advance(29 * MINUTE);
      await sweep();
      expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
      await one.stop();
      await server.request('DELETE', `/api/rollouts/${id}`);
    });
  });

  describe('whatever the printer reports', () => {
    const sweep = (): Promise<void> => server.get(UpdateLimits).check();

    /** Ten minutes in which the printer reports "45 %" every minute. */
    async function tenMinutesAtTheSame(one: VirtualPrinter): Promise<void> {
      for (let minute = 0; minute < 10; minute++) {
        server.clock.advance(MINUTE);
        one.send({ kind: 'firmware_progress', percent: 45, status: 'Downloading 45%' });
        await handled(one);
      }
      await sweep();
    }

    it('ends two hours after it was sent, and gives way to the next update', async () => {
      const { one, id } = await underWay();
      for (let times = 0; times < 11; times++) await tenMinutesAtTheSame(one);
      await totals(id, [0, 1, 0, 0, 0]);
      await upload(server, '1.5.7');
      const repair = await roll(server, '1.5.7', { target: { user_ids: [one.options.userId] } });
      await handled(one);
      expect(one.orders).toHaveLength(1);
      await tenMinutesAtTheSame(one);
      await totals(id, [0, 0, 0, 1, 0]);
      expect((await history(server, one.options.uuid)).at(-1)).toMatchObject({
        status: 'failed',
        error_message: 'not finished 120 minutes after it was sent',
      });
      await eventually('the next update', () => one.orders.at(-1)?.version === '1.5.7');
      await totals(repair.id, [0, 1, 0, 0, 0]);
    });

    it('has two hours more when it is sent again', async () => {
      const { one, id } = await underWay();
      for (let times = 0; times < 6; times++) await tenMinutesAtTheSame(one);
      await comeBack(one);
      await eventually('the second send', () => one.orders.length === 2);
      for (let times = 0; times < 11; times++) await tenMinutesAtTheSame(one);
      await totals(id, [0, 1, 0, 0, 0]);
      await tenMinutesAtTheSame(one);
      await totals(id, [0, 0, 0, 1, 0]);
    });

    it.each([
      ['cancelled', (id: number) => server.request('PATCH', `/api/rollouts/${id}`, { status: 'cancelled' })],
      ['deleted', (id: number) => server.request('DELETE', `/api/rollouts/${id}`)],
    ])('gives way at once to another rollout when its own is %s', async (how, end) => {
      await upload(server, '1.5.8').catch(() => undefined);
      const { one, id } = await underWay();
      one.send({ kind: 'firmware_progress', percent: 45, status: 'Downloading 45%' });
      const target = { user_ids: [one.options.userId] };
      const repair = await roll(server, '1.5.8', { target });
      await handled(one);
      expect(one.orders).toHaveLength(1);
      expect((await history(server, one.options.uuid)).map(({ status }) => status)).toEqual(['in_progress']);
      await end(id);
      await eventually('the repair', () => one.orders.at(-1)?.version === '1.5.8');
      expect(await history(server, one.options.uuid)).toMatchObject([
        { status: 'in_progress', firmware_version: '1.5.8' },
        {
          status: 'failed',
          firmware_version: '1.5.0',
          error_message: 'its rollout was cancelled, and 1.5.8 was sent instead',
        },
      ]);
      await totals(repair.id, [0, 1, 0, 0, 0]);
      if (how === 'cancelled') await totals(id, [0, 0, 0, 1, 0]);
      await comeBack(one, '1.5.8');
      await totals(repair.id, [0, 0, 1, 0, 0]);
    });

    it('goes on when its rollout is cancelled and nothing else is due', async () => {
      const { one, id } = await underWay();
      await patch(server, id, { status: 'cancelled' });
      await handled(one);
      await totals(id, [0, 1, 0, 0, 0]);
      await comeBack(one, '1.5.0');
      await totals(id, [0, 0, 1, 0, 0]);
    });

    it('is replaced by a repair that comes after the cancel, as the preview says', async () => {
      await upload(server, '1.5.9');
      const { one, id } = await underWay();
      await patch(server, id, { status: 'cancelled' });
      const wanted = {
        firmware_version: '1.5.9',
        target: { user_ids: [one.options.userId] },
        rollout_type: 'immediate',
      };
      const preview = (await server.request<{ now: number }>('POST', '/api/rollouts/preview', wanted)).body;
      expect(preview.now).toBe(1);
      await roll(server, '1.5.9', wanted);
      await eventually('the repair', () => one.orders.at(-1)?.version === '1.5.9');
      await totals(id, [0, 0, 0, 1, 0]);
    });
  });

  describe('and a printer with auto_update off', () => {
    async function off(): Promise<VirtualPrinter> {
      const one = printer(server, { autoUpdate: false, behaviour: 'hang' });
      return one;
    }

    it('is declined on its behalf, and opened again when it is switched on', async () => {
      const one = await off();
      const { id } = await roll(server, '1.5.0', { target: { user_ids: [one.options.userId] } });
      await start(one);
      const declined = await last(one, 'declined');
      expect(declined).toMatchObject({
        error_message: 'auto_update is off',
        last_status_message: 'auto_update is off',
      });
      await totals(id, [0, 0, 0, 0, 1]);
      await comeBack(one);
      expect(await history(server, one.options.uuid)).toHaveLength(1);
      expect(one.orders).toEqual([]);
      one.autoUpdate = true;
      await comeBack(one);
      await eventually('the update', () => one.orders.length === 1);
      expect(await last(one, 'in_progress')).toMatchObject({
        id: declined.id,
        error_message: null,
        completed_at: null,
      });
      await totals(id, [0, 1, 0, 0, 0]);
      await comeBack(one, '1.5.0');
      await totals(id, [0, 0, 1, 0, 0]);
    });

    it('is declined at once if the printer is connected', async () => {
      const one = await off();
      await start(one);
      const { id } = await roll(server, '1.5.0', { target: { user_ids: [one.options.userId] } });
      await totals(id, [0, 0, 0, 0, 1]);
      expect((await server.request<RolloutResponse>('GET', `/api/rollouts/${id}`)).body.status).toBe(
        'completed',
      );
    });

    it('is sent nevertheless if the firmware is mandatory', async () => {
      await upload(server, '1.5.1', { mandatory: 'true' });
      const one = await off();
      const { id } = await roll(server, '1.5.1', { target: { user_ids: [one.options.userId] } });
      await start(one);
      await eventually('the update', () => one.orders.length === 1);
      one.send({ kind: 'firmware_declined', version: '1.5.1', auto_update: false });
      await totals(id, [0, 0, 0, 0, 1]);
      await comeBack(one);
      expect(one.orders).toHaveLength(1);
    });

    it('declines by its own report, and gets it when it reconnects with auto_update on', async () => {
      const { one, id } = await underWay();
      one.send({ kind: 'firmware_declined', version: '1.5.0', auto_update: false });
      expect(await last(one, 'declined')).toMatchObject({ error_message: 'auto_update is off' });
      await totals(id, [0, 0, 0, 0, 1]);
      expect((await details(server, one.options.uuid)).auto_update).toBe(false);
      await comeBack(one); // Its subscribe says auto_update: true.
      await eventually('the update', () => one.orders.length === 2);
      await totals(id, [0, 1, 0, 0, 0]);
    });

    it('asks again as often as auto_update is switched on', async () => {
      const { one, id } = await underWay();
      for (let times = 1; times <= 5; times++) {
        one.send({ kind: 'firmware_declined', version: '1.5.0', auto_update: false });
        await totals(id, [0, 0, 0, 0, 1]);
        await comeBack(one);
        await eventually('the update', () => one.orders.length === times + 1);
      }
    });

    it('is asked when the firmware becomes mandatory, even if it was sent the update before', async () => {
      await upload(server, '1.5.2');
      const one = printer(server, { behaviour: 'hang' });
      const { id } = await roll(server, '1.5.2', { target: { user_ids: [one.options.userId] } });
      await start(one);
      await eventually('the update', () => one.orders.length === 1);
      one.autoUpdate = false;
      await comeBack(one);
      await totals(id, [0, 0, 0, 0, 1]);
      await server.request('PATCH', '/api/firmware/1.5.2', { mandatory: true });
      await eventually('the second send', () => one.orders.length === 2);
    });

    it('keeps its setting if it repeats an old refusal', async () => {
      const { one, id } = await underWay();
      await comeBack(one, '1.5.0');
      one.send({ kind: 'firmware_declined', version: '1.5.0', auto_update: false });
      await handled(one);
      expect((await details(server, one.options.uuid)).auto_update).toBe(true);
      expect(await counts(server, id)).toEqual([0, 0, 1, 0, 0]);
    });

    it('that declines again and again is asked three times, and not without end', async () => {
      const one = printer(server, { behaviour: 'decline' });
      const { id } = await roll(server, '1.5.0', { target: { user_ids: [one.options.userId] } });
      await start(one);
      for (let times = 0; times < 4; times++) {
        await totals(id, [0, 0, 0, 0, 1]);
        await comeBack(one);
      }
      await handled(one);
      expect(one.orders).toHaveLength(3);
      expect(await last(one, 'declined')).toMatchObject({ error_message: 'declined by the printer' });
    });
  });

  describe('and a pause', () => {
    it('is not sent again while the rollout is paused, but at once when it is resumed', async () => {
      const { one, id } = await underWay();
      await patch(server, id, { status: 'paused' });
      await comeBack(one);
      await handled(one);
      expect(one.orders).toHaveLength(1);
      await totals(id, [0, 1, 0, 0, 0]);
      await patch(server, id, { status: 'active' });
      await eventually('the second send', () => one.orders.length === 2);
      await totals(id, [0, 1, 0, 0, 0]);
    });

    it('does not live longer for what happens to other rollouts meanwhile', async () => {
      const { one, id } = await underWay();
      await patch(server, id, { status: 'paused' });
      await comeBack(one);
      server.clock.advance(20 * MINUTE);
      const other = await roll(server, '1.5.0', { target: { user_ids: [randomUUID()] } });
      await new Promise((resolve) => setTimeout(resolve, 200)); // The push that follows asks about every printer.
      server.clock.advance(11 * MINUTE);
      await server.get(UpdateLimits).check();
      await totals(id, [0, 0, 0, 1, 0]);
      await server.request('DELETE', `/api/rollouts/${other.id}`);
    });

    it('fails if the printer reconnects without it after the rollout was cancelled', async () => {
      const { one, id } = await underWay();
      await patch(server, id, { status: 'cancelled' });
      await comeBack(one);
      expect((await last(one, 'failed')).error_message).toMatch(/^came back with 1\.4\.0; not sent again/);
      expect(one.orders).toHaveLength(1);
      await totals(id, [0, 0, 0, 1, 0]);
    });
  });

  describe('as history', () => {
    it('has a computed entry on top if a rollout waits for a printer that is offline', async () => {
      const one = await connected(server);
      await one.stop();
      await eventually('it is offline', async () => !(await details(server, one.options.uuid)).online);
      const { id } = await roll(server, '1.5.0', { target: { user_ids: [one.options.userId] } });
      const number = (await details(server, one.options.uuid)).id;
      expect(await history(server, number)).toEqual([
        {
          id: null,
          rollout_id: id,
          printer_id: one.options.uuid,
          firmware_version: '1.5.0',
          status: 'pending',
          error_message: null,
          started_at: null,
          completed_at: null,
          last_percent: null,
          last_status_message: null,
        },
      ]);
      await patch(server, id, { status: 'paused' });
      expect(await history(server, number)).toEqual([]);
    });

    it('has an update that was opened again on top', async () => {
      const one = printer(server, { autoUpdate: false, behaviour: 'hang' });
      const target = { user_ids: [one.options.userId] };
      await roll(server, '1.5.0', { target });
      await upload(server, '1.4.5');
      await roll(server, '1.4.5', { target });
      await start(one);
      await eventually(
        'both are declined',
        async () => (await history(server, one.options.uuid)).length === 2,
      );
      server.clock.advance(1_000);
      one.autoUpdate = true;
      await comeBack(one);
      await eventually('the update', () => one.orders.length === 1);
      const updates = await history(server, one.options.uuid);
      expect(updates.map((update) => [update.firmware_version, update.status])).toEqual([
        ['1.5.0', 'in_progress'],
        ['1.4.5', 'declined'],
      ]);
    });

    it('is cut at the limit', async () => {
      const { one } = await underWay();
      await comeBack(one, '1.5.0');
      await roll(server, '1.6.0', { target: { user_ids: [one.options.userId] } });
      await eventually('the next update', async () => (await history(server, one.options.uuid)).length === 2);
      expect(
        (await history(server, one.options.uuid, '?limit=1')).map((update) => update.firmware_version),
      ).toEqual(['1.6.0']);
      for (const query of ['?limit=0', '?limit=1001', '?limit=x', '?page=2']) {
        expect(
          (await server.request('GET', `/api/printers/${one.options.uuid}/updates${query}`)).status,
        ).toBe(400);
      }
      expect((await server.request('GET', `/api/printers/${randomUUID()}/updates`)).status).toBe(404);
      expect((await server.request('GET', '/api/printers/front-desk/updates')).status).toBe(400);
    });
  });

  it('fails in the words of the printer if the download is refused', async () => {
    await upload(server, '1.8.0');
    const one = printer(server, { platform: 'esp8266', behaviour: 'hang' });
    const { id } = await roll(server, '1.8.0', { target: { user_ids: [one.options.userId] } });
    await start(one);
    await eventually('it is under way', () => one.orders.length === 1);
    one.send({ kind: 'firmware_failed', error: 'Update failed: HTTP error 401' });
    expect(await last(one, 'failed')).toMatchObject({ error_message: 'Update failed: HTTP error 401' });
    await totals(id, [0, 0, 0, 1, 0]);
  });

  it('goes on after a restart in the middle of it', async () => {
    const owner = randomUUID();
    const fleet = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        connected(server, { userId: owner, platform: index % 2 ? 'esp32' : 'esp8266', rebootMs: 300 }),
      ),
    );
    const { id } = await roll(server, '1.5.0', { target: { user_ids: [owner] } });
    await eventually('some are under way', () => fleet.some((one) => one.orders.length > 0));
    await server.restart();
    const [pending, inProgress, completed, failed, declined] = await counts(server, id);
    expect([pending! + inProgress! + completed!, failed, declined]).toEqual([12, 0, 0]);
    await totals(id, [0, 0, 12, 0, 0]);
    expect(new Set(fleet.map((one) => one.version))).toEqual(new Set(['1.5.0']));
  });
});
