import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RollbackResponse } from '../../src/rollout/http/dto/rollback.dto.js';
import type { VirtualPrinter } from '../../src/simulator/virtual-printer.js';
import { eventually } from '../support/eventually.js';
import { connected, patch, roll, rollout, upload } from '../support/factories.js';
import { ServerProcess } from '../support/server-process.js';
import { Random } from './random.js';
import { ROUNDS } from './rounds.js';

describe('A server that is killed while a version is rolled back', () => {
  const random = new Random(Number(process.env.FAULT_SEED ?? randomInt(2 ** 31)));
  let server: ServerProcess;
  let printers: VirtualPrinter[] = [];

  beforeAll(async () => {
    server = await ServerProcess.start();
    for (const version of ['1.3.0', '1.4.0', '1.5.0']) await upload(server, version);
    printers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        connected(server, { version: index % 2 === 0 ? '1.3.0' : '1.4.0', reconnectMs: 100 }),
      ),
    );
  }, 180_000);
  afterAll(async () => {
    await Promise.all(printers.map((one) => one.stop()));
    await server.stop();
  });

  async function allRun(version: (index: number) => string): Promise<void> {
    const isThere = (): boolean =>
      printers.every((one, index) => one.version === version(index) && one.subscribed);
    await eventually('every printer runs what it should', isThere, (seen) => seen, 60_000);
  }

  it(
    `has done all of it or nothing, and every printer goes back and stays, over ${ROUNDS} kills`,
    async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        await server.request('PATCH', '/api/firmware/1.5.0', { deprecated: false });
        const bad = await roll(server, '1.5.0');
        await allRun(() => '1.5.0');
        const act = server
          .request('POST', '/api/firmware/1.5.0/rollback', { to: 'previous' })
          .catch(() => undefined);
        await sleep(random.between(0, 40));
        await server.end('SIGKILL');
        await act;
        await server.boot();
        const state = await server.request<RollbackResponse>('GET', '/api/firmware/1.5.0/rollback');
        const { status, rolled_back_by } = await rollout(server, bad.id);
        const deprecatedAt = (await server.request('GET', '/api/firmware/1.5.0')).body.deprecated_at;
        const isDone = status === 'cancelled';
        expect({ seed: random.seed, round, isDone, deprecated: deprecatedAt !== null }).toEqual({
          seed: random.seed,
          round,
          isDone,
          deprecated: isDone,
        });
        expect(rolled_back_by).toHaveLength(isDone ? 2 : 0);
        if (isDone) expect(state.body.rollouts.map(({ id }) => id)).toEqual(rolled_back_by);
        const { body } = await server.request<RollbackResponse>('POST', '/api/firmware/1.5.0/rollback', {
          to: 'previous',
        });
        await allRun((index) => (index % 2 === 0 ? '1.3.0' : '1.4.0'));
        for (const { id } of body.rollouts) await patch(server, id, { status: 'cancelled' });
      }
    },
    60_000 + ROUNDS * 120_000,
  );
});
