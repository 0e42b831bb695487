import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RolloutListResponse, RolloutResponse } from '../src/rollout/http/dto/rollout-response.dto.js';
import { EventReader } from './support/event-reader.js';
import { eventually } from './support/eventually.js';
import { expectStatus, patch, roll, upload } from './support/factories.js';
import { ServerProcess } from './support/server-process.js';

const IDS = 10_000;

describe('Rollouts that list ten thousand printers', () => {
  let server: ServerProcess;
  const ids = Array.from({ length: IDS }, () => randomUUID());
  const listing = { target: { printer_ids: ids } };

  beforeAll(async () => {
    server = await ServerProcess.start({ NODE_OPTIONS: '--max-old-space-size=100' });
    await upload(server, '1.5.0');
  }, 180_000);
  afterAll(() => server.stop());

  const list = async (query = ''): Promise<RolloutListResponse> =>
    expectStatus(await server.request<RolloutListResponse>('GET', `/api/rollouts${query}`), 200);

  it('leave the memory when they are deleted or cancelled', async () => {
    // Each of them is about a megabyte in memory.
    for (let count = 0; count < 120; count += 1) {
      const { id } = await roll(server, '1.5.0', listing);
      if (count % 10 === 0) expect((await server.request('DELETE', `/api/rollouts/${id}`)).status).toBe(204);
      else await patch(server, id, { status: 'cancelled' });
    }
    expect((await server.request('GET', '/health/live')).status).toBe(200);
  }, 300_000);

  it('are listed without their ids, and have them when they are asked for one by one', async () => {
    const watching = await EventReader.open(server);
    const { id, target } = await roll(server, '1.5.0', listing);
    expect(target.printer_ids).toHaveLength(IDS);
    const [first] = (await list()).rollouts;
    const without = {
      id,
      target_printer_ids: null,
      target_user_ids: null,
      target_ids_count: IDS,
      target_ids_kind: 'printer_ids',
    };
    expect(first).toMatchObject({ ...without, target: { printer_ids: null } });
    await eventually('the event has no ids', () =>
      watching
        .of('rollouts')
        .some(({ rollouts }) =>
          (rollouts as RolloutResponse[]).some(
            (one) => one.id === id && one.target.printer_ids === null && one.target_ids_count === IDS,
          ),
        ),
    );
    watching.close();
    const whole = (await server.request<RolloutResponse>('GET', `/api/rollouts/${id}`)).body;
    expect(whole.target.printer_ids).toEqual(ids);
    expect(JSON.parse(whole.target_printer_ids!)).toEqual(ids);
    const few = await roll(server, '1.5.0', { target: { printer_ids: ids.slice(0, 100) } });
    const { rollouts } = await list();
    expect(rollouts.find((one) => one.id === few.id)).toMatchObject({
      target_ids_count: 100,
      target: { printer_ids: ids.slice(0, 100) },
    });
  });

  it('are listed by the hundred, and a thousand at most', async () => {
    const page = await list();
    expect(page.rollouts).toHaveLength(100);
    expect(page.next_cursor).toBe(page.rollouts.at(-1)!.id);
    expect((await list('?limit=1000')).rollouts.length).toBeGreaterThan(100);
    expect((await server.request('GET', '/api/rollouts?limit=1001')).status).toBe(400);
  });

  it('cost little though many ask for the list and do not read it', async () => {
    const readers = await Promise.all(Array.from({ length: 50 }, () => neverReads(server)));
    const begun = performance.now();
    expect((await server.request('GET', '/health/live')).status).toBe(200);
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect(await residentMiB(server)).toBeLessThan(700);
    for (const socket of readers) socket.destroy();
  });
});

/** Asks for the list, and reads nothing of the answer. */
function neverReads(server: ServerProcess): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.pause();
      socket.write('GET /api/rollouts?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n', () => resolve(socket));
    });
  });
}

async function residentMiB(server: ServerProcess): Promise<number> {
  const text = (await server.request<string>('GET', '/metrics')).body;
  const bytes = /^process_resident_memory_bytes (\S+)/m.exec(text)?.[1];
  return Number(bytes) / 2 ** 20;
}
