import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { VirtualPrinter } from '../../src/simulator/virtual-printer.js';
import { RolloutScheduler } from '../../src/rollout/campaign/rollout.scheduler.js';
import { UpdateLimits } from '../../src/rollout/updates/update-limits.js';
import { eventually } from '../support/eventually.js';
import {
  comeBack,
  connected,
  counts,
  handled,
  history,
  roll,
  rollout,
  upload,
} from '../support/factories.js';
import { TestServer } from '../support/server.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const YEAR = 365 * DAY;

describe('A clock that is set', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    for (const version of ['1.5.0', '1.6.0', '1.7.0']) await upload(server, version);
  });
  afterEach(() => server.stopPrinters());
  afterAll(() => server.stop());

  function board(behaviour: 'hang' | 'update' = 'hang'): Promise<VirtualPrinter> {
    return connected(server, { behaviour });
  }

  async function rollTo(one: VirtualPrinter, version: string, body: object = {}): Promise<number> {
    const { id } = await roll(server, version, { target: { printer_ids: [one.options.uuid] }, ...body });
    return id;
  }

  async function ordered(one: VirtualPrinter, times: number): Promise<void> {
    await eventually(`${times} updates were sent`, () => one.orders.length >= times);
    await handled(one);
    expect(one.orders).toHaveLength(times);
  }

  /** What the server does by itself every few seconds. */
  async function tick(): Promise<void> {
    await server.get(RolloutScheduler).activateDue();
    await server.get(RolloutScheduler).failStuck();
  }

  /** A printer that has been updated while the clock was a year ahead, and is sent the next update when it is right again. */
  async function updatedInTheFuture(): Promise<{ one: VirtualPrinter; id: number }> {
    const one = await board();
    server.clock.set(YEAR);
    await rollTo(one, '1.5.0');
    await ordered(one, 1);
    await comeBack(one, '1.5.0');
    server.clock.set(-YEAR);
    const id = await rollTo(one, '1.6.0');
    await ordered(one, 2);
    expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
    return { one, id };
  }

  it('back by a year mistakes no report of the update under way for one of an update with a later time', async () => {
    const { one, id } = await updatedInTheFuture();
    one.send({ kind: 'firmware_failed', error: 'no space' });
    await handled(one);
    expect(await counts(server, id)).toEqual([0, 0, 0, 1, 0]);
  });

  it('back by a year keeps no printer from being sent its update again, or from being done with it', async () => {
    const { one, id } = await updatedInTheFuture();
    await comeBack(one, '1.5.0');
    await ordered(one, 3);
    one.send({ kind: 'firmware_complete', version: '1.6.0' });
    await comeBack(one, '1.5.0');
    expect(await counts(server, id)).toEqual([0, 0, 0, 1, 0]);
    await ordered(one, 3);
    await comeBack(one, '1.6.0');
    expect((await rollout(server, id)).in_progress_count).toBe(0);
  });

  it('back by a day makes no duration negative', async () => {
    const one = await board();
    const id = await rollTo(one, '1.5.0');
    await ordered(one, 1);
    server.clock.set(-DAY);
    await tick();
    one.send({ kind: 'firmware_complete', version: '1.5.0' });
    await handled(one);
    expect(await counts(server, id)).toEqual([0, 0, 1, 0, 0]);
    const [update] = await history(server, one.options.uuid);
    expect(Date.parse(update!.completed_at!)).toBeGreaterThanOrEqual(Date.parse(update!.started_at!));
    const { body: metrics } = await server.request<string>('GET', '/metrics');
    const sum = /^paperminder_update_duration_seconds_sum (\S+)$/m.exec(metrics)?.[1];
    expect(Number(sum)).toBeGreaterThanOrEqual(0);
    server.clock.set(DAY);
  });

  it('back by a day keeps no update alive beyond its limit', async () => {
    const one = await board();
    const id = await rollTo(one, '1.5.0');
    await ordered(one, 1);
    server.clock.set(-DAY);
    await tick();
    server.clock.advance(29 * MINUTE);
    await tick();
    expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
    server.clock.advance(2 * MINUTE);
    await tick();
    expect(await counts(server, id)).toEqual([0, 0, 0, 1, 0]);
    server.clock.set(DAY);
  });

  it('forward by a year starts what is scheduled once, and takes nothing back when it is set right', async () => {
    const one = await board('update');
    const soon = new Date(server.clock.now().getTime() + DAY).toISOString();
    const id = await rollTo(one, '1.5.0', { rollout_type: 'scheduled', scheduled_for: soon });
    await tick();
    expect(one.orders).toEqual([]);
    server.clock.set(YEAR);
    await tick();
    await tick();
    await eventually('the update is installed', () => one.version === '1.5.0' && one.subscribed);
    server.clock.set(-YEAR);
    await tick();
    await handled(one);
    expect(one.orders).toHaveLength(1);
    expect(await rollout(server, id)).toMatchObject({ status: 'completed', completed_count: 1 });
  });

  it.each([
    ['forward by a year', YEAR],
    ['back by a year', -YEAR],
  ])('%s fails nothing that is under way, and counts its silence on', async (_how, by) => {
    const one = await board();
    const id = await rollTo(one, '1.5.0');
    await ordered(one, 1);
    server.clock.advance(20 * MINUTE);
    server.clock.set(by);
    await tick();
    server.clock.advance(9 * MINUTE);
    await tick();
    expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
    server.clock.advance(MINUTE);
    await tick();
    expect(await counts(server, id)).toEqual([0, 0, 0, 1, 0]);
    server.clock.set(-by);
  });

  it('back by a year orders the history by what was sent when', async () => {
    const { one } = await updatedInTheFuture();
    expect((await history(server, one.options.uuid)).map((update) => update.firmware_version)).toEqual([
      '1.6.0',
      '1.5.0',
    ]);
    await comeBack(one, '1.6.0');
    // The last update of all decides what becomes of the version at a subscribe, though it is dated a year before the other.
    await comeBack(one, '1.5.0');
    expect((await history(server, one.options.uuid)).map(({ status }) => status)).toEqual([
      'failed',
      'completed',
    ]);
  });
});

describe('Time in which the server does not run', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0');
  });
  afterAll(() => server.stop());

  const sweep = (): Promise<void> => server.get(UpdateLimits).check();

  /** An update whose printer has been silent for 20 minutes, and is away. */
  async function silent(): Promise<number> {
    const one = await connected(server, { behaviour: 'hang' });
    const { id } = await roll(server, '1.5.0', { target: { printer_ids: [one.options.uuid] } });
    await eventually('the update', () => one.orders.length === 1);
    await one.stop();
    server.clock.advance(20 * MINUTE);
    await sweep();
    return id;
  }

  const OUTAGES: Record<string, () => Promise<void>> = {
    'an outage of the server': () => server.restart(() => server.clock.set(DAY)),
    'a suspended machine whose monotonic clock stops': async () => server.clock.suspend(DAY),
    'a suspended machine whose monotonic clock goes on': async () => server.clock.suspend(DAY, false),
  };

  it.each(Object.keys(OUTAGES))('is no silence of a printer: %s', async (what) => {
    const id = await silent();
    await OUTAGES[what]!();
    await sweep();
    expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
    server.clock.advance(9 * MINUTE);
    await sweep();
    expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
    server.clock.advance(MINUTE);
    await sweep();
    expect(await counts(server, id)).toEqual([0, 0, 0, 1, 0]);
  });

  it('leaves printers some minutes to reconnect before anything fails', async () => {
    const id = await silent();
    server.clock.advance(9 * MINUTE + 30_000);
    await sweep();
    await server.restart(() => server.clock.set(DAY));
    server.clock.advance(4 * MINUTE);
    await sweep();
    expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
    server.clock.advance(MINUTE);
    await sweep();
    expect(await counts(server, id)).toEqual([0, 0, 0, 1, 0]);
  });

  it('does not prolong the silence over many restarts', async () => {
    const id = await silent();
    for (let times = 0; times < 3; times++) {
      await server.restart(() => server.clock.set(DAY));
      server.clock.advance(6 * MINUTE);
      await sweep();
    }
    expect(await counts(server, id)).toEqual([0, 0, 0, 1, 0]);
  });
});
