import { createHash, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uuidFrom } from '../../src/simulator/identity.js';
import { eventually } from '../support/eventually.js';
import { counts, patch, roll, upload } from '../support/factories.js';
import { audit } from './audit.js';
import { Operator } from './operator.js';
import { Random } from './random.js';
import { RecordingPrinter } from './recording-printer.js';
import { ROUNDS } from './rounds.js';
import { ServerProcess } from '../support/server-process.js';

const PRINTERS = 24;
const LAST = '9.0.0';

describe('A server that is killed again and again under load', () => {
  const random = new Random(Number(process.env.FAULT_SEED ?? randomInt(2 ** 31)));
  let server: ServerProcess;
  let printers: RecordingPrinter[] = [];

  beforeAll(async () => {
    server = await ServerProcess.start();
    printers = Array.from({ length: PRINTERS }, (_, index) => {
      const options = { name: `Printer ${index}`, version: '1.4.0', reconnectMs: 50 };
      const uuid = uuidFrom('faults', 'printer', index);
      const platform = index % 2 === 0 ? 'esp8266' : 'esp32';
      const rebootMs = 20 + (index % 5) * 40;
      return new RecordingPrinter({ ...options, server: server.url, uuid, userId: uuid, platform, rebootMs });
    });
  }, 180_000);
  afterAll(async () => {
    await Promise.all(printers.map((one) => one.stop()));
    await server.stop();
  });

  function expectNothing(wrong: readonly string[], when: string): void {
    const breaches = [...wrong, ...printers.flatMap((one) => one.breaches)];
    if (breaches.length === 0) return;
    throw new Error(`FAULT_SEED=${random.seed}, ${when}:\n${breaches.join('\n')}`);
  }

  async function killAtRandom(operators: readonly Operator[]): Promise<void> {
    const working = Promise.all(operators.map((one) => one.work()));
    await sleep(random.between(50, 1_500));
    await server.end('SIGKILL');
    await working;
  }

  it(
    `keeps all that it has acknowledged, and every printer ends on the right version, over ${ROUNDS} kills`,
    async () => {
      const uuids = printers.map((one) => one.options.uuid);
      const operator = new Operator(server, random, uuids);
      for (const one of printers) one.start();
      for (let round = 1; round <= ROUNDS; round += 1) {
        await killAtRandom([operator]);
        expectNothing(audit(server.folder, operator, printers), `after kill ${round}`);
        if (random.fraction() < 0.2) {
          server.launch();
          await sleep(random.between(100, 2_000));
          await server.end('SIGKILL');
          expectNothing(audit(server.folder, operator, printers), `after kill ${round}, in the start`);
        }
        await server.boot();
        expectNothing(await operator.compare(), `after restart ${round}`);
      }
      await eventually(
        'every printer is back',
        () => printers.filter((one) => one.accepted !== null && !one.subscribed).length,
        (missing) => missing === 0,
        60_000,
      );
      for (const [version, sha256] of operator.uploads) {
        const image = await fetch(`${server.url}/api/firmware/download/${version}`);
        expect(
          createHash('sha256')
            .update(Buffer.from(await image.arrayBuffer()))
            .digest('hex'),
        ).toBe(sha256);
      }
      for (const [id, { status }] of operator.rollouts)
        if (status === 'paused') await patch(server, id, { status: 'active' });
      await upload(server, LAST);
      const { id } = await roll(server, LAST);
      await eventually(
        `every printer runs ${LAST} (FAULT_SEED=${random.seed})`,
        () => printers.filter((one) => one.version !== LAST).map((one) => one.version),
        (others) => others.length === 0,
        120_000,
      );
      await eventually(
        'the rollout says so',
        () => counts(server, id),
        (seen) => seen.join() === [0, 0, PRINTERS, 0, 0].join(),
        60_000,
      );
      await server.end('SIGKILL');
      expectNothing(audit(server.folder, operator, printers), 'in the end');
      expect(printers.flatMap((one) => one.orders).length).toBeGreaterThanOrEqual(PRINTERS);
      expect(server.log).not.toContain('"level":"error"');
    },
    ROUNDS * 30_000 + 240_000,
  );
});
