import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Fleet } from '../src/simulator/fleet.js';
import type { FleetOptions } from '../src/simulator/fleet.js';
import { isUuid } from '../src/common/uuid.js';
import { eventually } from './support/eventually.js';
import { counts, history, printer, roll, rollout, upload } from './support/factories.js';
import { TestServer } from './support/server.js';

describe('The simulator', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0', {}, undefined);
  });
  afterAll(() => server.stop());

  function options(changes: Partial<FleetOptions> = {}): FleetOptions {
    return {
      server: server.url,
      printers: 60,
      users: 5,
      seed: 'test',
      versions: ['1.3.0', '1.4.0'],
      channels: { beta: 0.2, canary: 0.1 },
      platforms: ['esp8266', 'esp32'],
      failing: 0,
      declining: 0,
      hanging: 0,
      rollingBack: 0,
      rebootMs: 50,
      ...changes,
    };
  }

  it('makes the same fleet from the same seed, and another one from another', () => {
    const describeFleet = (seed: string): unknown[] =>
      new Fleet(options({ seed, failing: 0.3 })).printers.map((one) => [one.options, one.behaviour]);
    expect(describeFleet('a')).toEqual(describeFleet('a'));
    expect(describeFleet('a')).not.toEqual(describeFleet('b'));
  });

  it('gives each printer a UUID of its own, and spreads them as it was told', () => {
    const { printers } = new Fleet(options({ printers: 2_000, failing: 0.25 }));
    const uuids = printers.map((one) => one.options.uuid);
    expect(new Set(uuids).size).toBe(2_000);
    expect(uuids.every(isUuid)).toBe(true);
    expect(new Set(printers.map((one) => one.options.userId)).size).toBe(5);
    const share = (what: (one: (typeof printers)[number]) => boolean): number =>
      printers.filter(what).length / 2_000;
    expect(share((one) => one.options.channel === 'beta')).toBeCloseTo(0.2, 1);
    expect(share((one) => one.behaviour === 'fail')).toBeCloseTo(0.25, 1);
    expect(share((one) => one.version === '1.3.0')).toBeCloseTo(0.5, 1);
    expect(share((one) => one.options.platform === 'esp32')).toBeCloseTo(0.5, 1);
  });

  it('brings every printer to the end that its behaviour leads to', async () => {
    const fleet = new Fleet(options({ failing: 0.2, declining: 0.2, hanging: 0.1, rollingBack: 0.2 }));
    await fleet.start();
    await eventually('all are online', () => fleet.counts().online === 60);
    const { id } = await roll(server, '1.5.0');
    const of = (behaviour: string): number =>
      fleet.printers.filter((one) => one.behaviour === behaviour).length;
    await eventually(
      'only those that hang are under way',
      () => counts(server, id),
      (seen) => seen[0] === 0 && seen[1] === of('hang'),
    );
    expect(await counts(server, id)).toEqual([
      0,
      of('hang'),
      of('update'),
      of('fail') + of('roll-back'),
      of('decline'),
    ]);
    const { versions } = fleet.counts();
    expect(new Map(versions).get('1.5.0')).toBe(of('update'));
    await fleet.stop();
    expect((await rollout(server, id)).status).toBe('active');
  });

  it.each([true, false])(
    'comes back after a download that failed while its socket was cut (closes it by itself: %s)',
    async (closesSocketToDownload) => {
      const broken = createServer((_request, response) => response.writeHead(500).end());
      await once(broken.listen(0, '127.0.0.1'), 'listening');
      const { port } = broken.address() as AddressInfo;
      const behind = await TestServer.start({ BASE_URL: `http://127.0.0.1:${port}` });
      await upload(behind, '1.5.0');
      const one = printer(behind, { closesSocketToDownload });
      one.on('order', () => setImmediate(() => one.vanish()));
      one.start();
      await eventually('it has subscribed', () => one.subscribed);
      await roll(behind, '1.5.0');
      const [update] = await eventually(
        'the failure is reported',
        () => history(behind, one.options.uuid),
        ([first]) => first?.status === 'failed',
      );
      expect(update?.error_message).toBe('Update failed: HTTP error 500');
      await one.stop();
      await behind.stop();
      broken.close();
    },
  );

  it('keeps no messages of printers that reconnect for days', async () => {
    const fleet = new Fleet(options({ printers: 3, seed: 'patient', versions: ['1.9.0'] }));
    let heard = 0;
    for (const one of fleet.printers) one.on('message', () => (heard += 1));
    await fleet.start();
    await eventually('all have subscribed', () => fleet.printers.every(({ subscribed }) => subscribed));
    expect(heard).toBeGreaterThanOrEqual(6);
    expect(fleet.printers.flatMap(({ received }) => received)).toEqual([]);
    await fleet.stop();
  });
});
