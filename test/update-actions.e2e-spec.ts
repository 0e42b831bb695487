import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { UpdateResponse } from '../src/rollout/http/dto/update.dto.js';
import type { VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import {
  comeBack,
  connected,
  counts,
  details,
  expectStatus,
  handled,
  history,
  patch,
  roll,
  upload,
} from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { TestServer } from './support/server.js';
import type { Answer } from './support/server.js';

describe('A single update', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    for (const version of ['1.5.0', '1.6.0']) await upload(server, version);
  });
  afterAll(() => server.stop());

  interface Sent {
    one: VirtualPrinter;
    rollout: number;
    update: number;
  }

  /** A printer that was sent 1.5.0 and does nothing by itself. */
  async function underWay(): Promise<Sent> {
    const one = await connected(server, { behaviour: 'hang' });
    const { id } = await roll(server, '1.5.0', { target: { user_ids: [one.options.userId] } });
    await eventually('the update', () => one.orders.length === 1);
    const [update] = await history(server, one.options.uuid);
    return { one, rollout: id, update: update!.id! };
  }

  async function failed(): Promise<Sent> {
    const sent = await underWay();
    sent.one.send({ kind: 'firmware_failed', error: 'no space' });
    await handled(sent.one);
    return sent;
  }

  function act<T = UpdateResponse>({ one, update }: Sent, action: 'abort' | 'retry'): Promise<Answer<T>> {
    return server.request<T>('POST', `/api/printers/${one.options.uuid}/updates/${update}/${action}`);
  }

  async function refused(sent: Sent, action: 'abort' | 'retry'): Promise<string> {
    const before = await history(server, sent.one.options.uuid);
    const answer = await act<ProblemBody>(sent, action);
    expect(expectStatus(answer, 409).title).toBe('Conflict');
    expect(await history(server, sent.one.options.uuid)).toEqual(before);
    return answer.body.detail;
  }

  describe('is aborted', () => {
    it('by hand, and has failed', async () => {
      const sent = await underWay();
      const aborted = expectStatus(await act(sent, 'abort'), 200);
      expect(aborted).toEqual({
        id: sent.update,
        rollout_id: sent.rollout,
        printer_id: sent.one.options.uuid,
        firmware_version: '1.5.0',
        status: 'failed',
        error_message: 'aborted by an operator',
        started_at: expect.stringMatching(/Z$/),
        completed_at: expect.stringMatching(/Z$/),
        last_percent: 0,
        last_status_message: 'aborted by an operator',
      });
      expect(await history(server, sent.one.options.uuid)).toEqual([aborted]);
      expect(await counts(server, sent.rollout)).toEqual([0, 0, 0, 1, 0]);
      await handled(sent.one);
      expect(sent.one.orders).toHaveLength(1);
    });

    it('and makes room for what waits behind it', async () => {
      const sent = await underWay();
      const next = await roll(server, '1.6.0', { target: { user_ids: [sent.one.options.userId] } });
      expectStatus(await act(sent, 'abort'), 200);
      await eventually('the next update', () => sent.one.orders.at(-1)?.version === '1.6.0');
      expect(await counts(server, next.id)).toEqual([0, 1, 0, 0, 0]);
    });

    it('though its rollout is cancelled, and is completed after all if it arrives', async () => {
      const sent = await underWay();
      await patch(server, sent.rollout, { status: 'cancelled' });
      expectStatus(await act(sent, 'abort'), 200);
      expect(await counts(server, sent.rollout)).toEqual([0, 0, 0, 1, 0]);
      await comeBack(sent.one, '1.5.0');
      expect(await counts(server, sent.rollout)).toEqual([0, 0, 1, 0, 0]);
    });

    it('only while it is under way', async () => {
      const sent = await failed();
      expect(await refused(sent, 'abort')).toBe(`Update ${sent.update} is failed, not in progress`);
    });
  });

  describe('is retried', () => {
    it('at once if its printer is connected, and stays in the history', async () => {
      const sent = await failed();
      const answer = expectStatus(await act(sent, 'retry'), 200);
      expect(answer).toMatchObject({ id: sent.update, status: 'failed', error_message: 'no space' });
      await eventually('the second send', () => sent.one.orders.length === 2);
      expect(await history(server, sent.one.options.uuid)).toMatchObject([
        { status: 'in_progress', rollout_id: sent.rollout },
        { id: sent.update, status: 'failed' },
      ]);
      expect(await counts(server, sent.rollout)).toEqual([0, 1, 0, 0, 0]);
    });

    it('at its next connect if its printer is away, and alone', async () => {
      const owner = randomUUID();
      const fleet = [
        await connected(server, { userId: owner, behaviour: 'fail' }),
        await connected(server, { userId: owner, behaviour: 'fail' }),
      ];
      const { id } = await roll(server, '1.5.0', { target: { user_ids: [owner] } });
      await eventually('both have failed', async () => (await counts(server, id))[3] === 2);
      const [one, other] = fleet as [VirtualPrinter, VirtualPrinter];
      await one.stop();
      await eventually('it is away', async () => !(await details(server, one.options.uuid)).online);
      const [update] = await history(server, one.options.uuid);
      expectStatus(await act({ one, rollout: id, update: update!.id! }, 'retry'), 200);
      expect(await counts(server, id)).toEqual([1, 0, 0, 1, 0]);
      expect((await history(server, one.options.uuid)).map(({ status }) => status)).toEqual([
        'pending',
        'failed',
      ]);
      expect(other.orders).toHaveLength(1);
      one.start();
      await eventually('the second send', () => one.orders.length === 2);
    });

    it('only if it has failed, and once', async () => {
      const sent = await underWay();
      expect(await refused(sent, 'retry')).toBe(
        `Update ${sent.update} is in_progress; only a failed one is sent again`,
      );
      sent.one.send({ kind: 'firmware_failed', error: 'no space' });
      await handled(sent.one);
      expectStatus(await act(sent, 'retry'), 200);
      await eventually('the second send', () => sent.one.orders.length === 2);
      expect(await refused(sent, 'retry')).toBe(`Update ${sent.update} has been retried already`);
    });

    it.each([
      ['cancelled', (id: number) => server.request('PATCH', `/api/rollouts/${id}`, { status: 'cancelled' })],
      ['deleted', (id: number) => server.request('DELETE', `/api/rollouts/${id}`)],
    ])('not if its rollout is %s', async (_how, end) => {
      const sent = await failed();
      await end(sent.rollout);
      expect(await refused(sent, 'retry')).toContain('is cancelled or deleted');
    });

    it('not if its printer is no target any more', async () => {
      const sent = await failed();
      await comeBack(sent.one, '1.9.0');
      expect(await refused(sent, 'retry')).toContain(`is not a target of rollout ${sent.rollout}`);
    });

    it('not while another update of its printer is under way', async () => {
      const sent = await failed();
      await roll(server, '1.6.0', { target: { user_ids: [sent.one.options.userId] } });
      await eventually('the other update', () => sent.one.orders.length === 2);
      expect(await refused(sent, 'retry')).toContain('is in progress');
    });
  });

  it.each(['abort', 'retry'] as const)('has to exist, and be the printer’s own, to %s it', async (action) => {
    const sent = await failed();
    const other = await failed();
    expectStatus(await act({ ...sent, update: other.update }, action), 404);
    expectStatus(await act({ ...sent, update: 999_999 }, action), 404);
    const path = `/api/printers/${sent.one.options.uuid}/updates`;
    expect((await server.request('POST', `${path}/x/${action}`)).status).toBe(400);
    expect((await server.request('POST', `${path}/${sent.update}/${action}?force=1`)).status).toBe(400);
    expect((await server.request('POST', `/api/printers/${randomUUID()}/updates/1/${action}`)).status).toBe(
      404,
    );
  });

  it('that is aborted or retried stands in the audit log', async () => {
    const sent = await underWay();
    const { id } = await details(server, sent.one.options.uuid);
    expectStatus(await act(sent, 'abort'), 200);
    expectStatus(await act(sent, 'retry'), 200);
    const { entries } = expectStatus(
      await server.request<{ entries: Array<Record<string, unknown>> }>('GET', '/api/audit?limit=2'),
      200,
    );
    const after = { update: sent.update, rollout: sent.rollout, firmware_version: '1.5.0' };
    expect(entries).toMatchObject([
      { action: 'update.retry', subject: `printer/${id}`, before: null, after },
      { action: 'update.abort', subject: `printer/${id}`, before: null, after },
    ]);
  });
});
