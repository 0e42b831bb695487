import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../src/database/database.js';
import type { VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import {
  comeBack,
  connected,
  counts,
  expectStatus,
  handled,
  history,
  patch,
  roll,
  upload,
} from './support/factories.js';
import { TestServer } from './support/server.js';

describe('The counters of a cancelled rollout', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0');
  });
  afterAll(() => server.stop());

  function board(userId: string): Promise<VirtualPrinter> {
    return connected(server, { userId, behaviour: 'hang' });
  }

  async function remove(one: VirtualPrinter): Promise<void> {
    await one.stop();
    expectStatus(await server.request('DELETE', `/api/printers/${one.options.uuid}`), 204);
  }

  const TARGETS: Record<string, (fleet: VirtualPrinter[]) => object> = {
    users: (fleet) => ({ user_ids: [fleet[0]!.options.userId] }),
    printers: (fleet) => ({ printer_ids: fleet.map((one) => one.options.uuid) }),
  };

  it.each(Object.keys(TARGETS))(
    'count a printer no more that is deleted, whatever it was then and has become since (%s)',
    async (kind) => {
      const owner = randomUUID();
      const fleet = [await board(owner), await board(owner), await board(owner), await board(owner)] as const;
      const target = TARGETS[kind]!([...fleet]);
      const wanted = { target, rollout_type: 'gradual', rollout_percentage: 0 };
      const { id } = await roll(server, '1.5.0', wanted);
      const [stranger, pending, changed, other] = fleet;
      await comeBack(stranger, '1.9.0');
      expect(await counts(server, id)).toEqual([3, 0, 0, 0, 0]);
      await patch(server, id, { status: 'cancelled' });
      // What they have become since does not matter.
      await comeBack(changed, '1.9.0');
      await comeBack(stranger, '1.4.0');
      const late = await board(owner);
      expect(await counts(server, id)).toEqual([3, 0, 0, 0, 0]);
      await remove(late);
      await remove(stranger);
      expect(await counts(server, id)).toEqual([3, 0, 0, 0, 0]);
      await remove(pending);
      expect(await counts(server, id)).toEqual([2, 0, 0, 0, 0]);
      await remove(changed);
      await remove(other);
      expect(await counts(server, id)).toEqual([0, 0, 0, 0, 0]);
    },
  );

  it('count everybody of a large fleet who was pending, each in its own place', async () => {
    const { id } = await roll(server, '1.5.0', {
      target: { all: true, min_version: '1.0.1', max_version: '1.0.1' },
      rollout_type: 'gradual',
      rollout_percentage: 0,
    });
    const many = 1_201;
    await seed('1.0.1', many);
    expect(await counts(server, id)).toEqual([many, 0, 0, 0, 0]);
    await patch(server, id, { status: 'cancelled' });
    const { body } = await server.request<{ printers: Array<{ id: number }> }>(
      'GET',
      '/api/printers?firmware_version=1.0.1&limit=2000',
    );
    const ids = body.printers.map((one) => one.id);
    let left = many;
    for (const index of [0, 499, 500, 501, 1_000, 1_200]) {
      expectStatus(await server.request('DELETE', `/api/printers/${ids[index]}`), 204);
      left -= 1;
      expect(await counts(server, id)).toEqual([left, 0, 0, 0, 0]);
    }
  });

  /** Printers that have subscribed once, without their sockets. */
  async function seed(version: string, many: number): Promise<void> {
    const one = await connected(server, { version });
    await one.stop();
    // Copies of one that registered itself, in the table of printers and in the counters that follow from it.
    await server.get(Database).write(async (tx) => {
      const columns = `name, user_id, platform, firmware_version, version_key, version_rollout_id, bucket, auto_update, update_channel,
        key_hash, blocked, has_problems, last_connected, last_ip, created_at`;
      await tx.sql.run(
        `INSERT INTO printer (uuid, ${columns}) WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < ?)
          SELECT '${randomUUID().slice(0, -12)}' || substr(CAST(1000000000000 + n AS varchar), 2), ${columns}
            FROM k, printer WHERE uuid = ?`,
        many - 1,
        one.options.uuid,
      );
      const key = '(SELECT version_key FROM printer WHERE uuid = ?)';
      await tx.sql.run(
        `UPDATE printer_count SET printers = ? WHERE version_key = ${key}`,
        many,
        one.options.uuid,
      );
      await tx.sql.run(`UPDATE rollout SET pending_count = ? WHERE max_version = ?`, many, version);
    });
  }

  describe('after a retry', () => {
    async function retriedAndAway(one: VirtualPrinter, id: number): Promise<void> {
      await eventually('the update', () => one.orders.length === 1);
      one.send({ kind: 'firmware_failed', error: 'no space' });
      await handled(one);
      await one.stop();
      expectStatus(await server.request('POST', `/api/rollouts/${id}/retry`), 200);
    }

    it('let a printer that was no target take nobody’s place when its late update arrives', async () => {
      const owner = randomUUID();
      const one = await board(owner);
      const { id } = await roll(server, '1.5.0', { target: { user_ids: [owner] } });
      await retriedAndAway(one, id);
      await comeBack(one, '1.9.0');
      expect(await counts(server, id)).toEqual([0, 0, 0, 0, 0]);
      await patch(server, id, { status: 'paused' });
      const other = await board(owner);
      expect(await counts(server, id)).toEqual([1, 0, 0, 0, 0]);
      await patch(server, id, { status: 'cancelled' });
      await comeBack(one, '1.5.0');
      expect((await history(server, one.options.uuid)).map(({ status }) => status)).toEqual(['completed']);
      expect(await counts(server, id)).toEqual([1, 0, 0, 0, 0]);
      await remove(one);
      expect(await counts(server, id)).toEqual([1, 0, 0, 0, 0]);
      await remove(other);
      expect(await counts(server, id)).toEqual([0, 0, 0, 0, 0]);
    });

    it('count a printer once that was pending, and whose late update arrives before it is deleted', async () => {
      const owner = randomUUID();
      const one = await board(owner);
      const { id } = await roll(server, '1.5.0', { target: { user_ids: [owner] } });
      await retriedAndAway(one, id);
      await patch(server, id, { status: 'cancelled' });
      expect(await counts(server, id)).toEqual([1, 0, 0, 0, 0]);
      await comeBack(one, '1.5.0');
      expect(await counts(server, id)).toEqual([0, 0, 1, 0, 0]);
      await comeBack(one, '1.4.0');
      expect(await counts(server, id)).toEqual([0, 0, 0, 1, 0]);
      await remove(one);
      expect(await counts(server, id)).toEqual([0, 0, 0, 0, 0]);
    });
  });

  it('show all of a retry that a cancel overtakes, or nothing of it', async () => {
    const version = '1.0.2';
    const many = 3_000;
    const { id } = await roll(server, '1.5.0', {
      target: { all: true, min_version: version, max_version: version },
      rollout_type: 'gradual',
      rollout_percentage: 0,
    });
    await seed(version, many);
    await server.get(Database).write(async (tx) => {
      await tx.sql.run(
        `INSERT INTO printer_update (rollout_id, printer_id, firmware_id, firmware_version, status, attempts, send_on_resume,
          confirmed, superseded, error_message, started_at, completed_at, last_percent, last_heard, last_sent, sequence)
          SELECT CAST(? AS bigint), id, 1, '1.5.0', 'failed', 1, false, false, false, 'x', created_at, created_at, 0, 0, 0, 1 FROM printer
          WHERE firmware_version = ?`,
        id,
        version,
      );
      await tx.sql.run('UPDATE rollout SET pending_count = 0, failed_count = ? WHERE id = ?', many, id);
    });
    const [retry, cancel] = await Promise.all([
      server.request('POST', `/api/rollouts/${id}/retry`),
      new Promise((resolve) => setTimeout(resolve, 2)).then(() => patch(server, id, { status: 'cancelled' })),
    ]);
    expect(cancel.status).toBe('cancelled');
    expect(retry.status === 200 || retry.status === 409).toBe(true);
    expect(await counts(server, id)).toEqual(retry.status === 200 ? [many, 0, 0, 0, 0] : [0, 0, 0, many, 0]);
  });
});
