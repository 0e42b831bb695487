import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { eventually } from '../support/eventually.js';
import { counts, details, history, patch, roll, upload } from '../support/factories.js';
import { RawSocket, subscribeMessage } from '../support/raw-socket.js';
import { TestServer } from '../support/server.js';
import { expectStillWorks } from '../support/still-works.js';

interface Printer {
  id: string;
  raw: RawSocket;
  hello: Record<string, unknown>;
}

const ONE_UNDER_WAY = [0, 1, 0, 0, 0];

describe('A printer that does not tell the truth', () => {
  let server: TestServer;
  let victim: Printer;
  let rolloutId: number;
  const open: RawSocket[] = [];

  beforeAll(async () => {
    server = await TestServer.start({ MAX_MESSAGES_PER_SECOND: '10000' });
    await upload(server, '1.5.0');
    await upload(server, '1.6.0');
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    const id = randomUUID();
    rolloutId = (await roll(server, '1.5.0', { target: { printer_ids: [id] } })).id;
    victim = await subscribed(id);
    expect(await counts(server, rolloutId)).toEqual(ONE_UNDER_WAY);
  });
  afterEach(async () => {
    for (const raw of open.splice(0)) raw.socket.terminate();
    await server.request('DELETE', `/api/rollouts/${rolloutId}`);
  });

  async function connect(path?: string): Promise<RawSocket> {
    const raw = await RawSocket.open(server, path);
    open.push(raw);
    return raw;
  }

  async function subscribed(id: string = randomUUID()): Promise<Printer> {
    const raw = await connect();
    const hello = subscribeMessage({ printer_id: id });
    expect((await raw.ask(hello)).code).toBe('subscription_accepted');
    return { id, raw, hello };
  }

  /** Every row that speaks of printers and their updates. */
  async function rows(): Promise<unknown> {
    const db = server.get(DataSource);
    const tables = ['printer', 'printer_update', 'printer_count', 'rollout', 'firmware'];
    return Promise.all(tables.map((table) => db.query<unknown[]>(`SELECT * FROM ${table}`)));
  }

  /** What is said is refused in words, and changes nothing at all. */
  async function expectTold(raw: RawSocket, messages: object[], words: string): Promise<void> {
    const before = await rows();
    for (const message of messages) {
      const answer = await raw.ask(message);
      expect(answer).toMatchObject({ code: 'validation_error', detail: expect.stringContaining(words) });
    }
    expect(await rows()).toEqual(before);
    expect(await counts(server, rolloutId)).toEqual(ONE_UNDER_WAY);
  }

  const reports = (more: object = {}): object[] => [
    { kind: 'firmware_progress', percent: 50, status: 'x', ...more },
    { kind: 'firmware_progress', percent: -1, status: 'x', ...more },
    { kind: 'firmware_complete', version: '1.5.0', ...more },
    { kind: 'firmware_failed', error: 'x', ...more },
    { kind: 'firmware_declined', version: '1.5.0', auto_update: false, ...more },
  ];

  it('is told that its connection speaks for one printer, whoever else it says to be', async () => {
    const liar = await subscribed();
    const others = [victim.id, randomUUID(), victim.id.toUpperCase()].map((printer_id) => ({
      ...liar.hello,
      printer_id,
      firmware_version: '1.5.0',
    }));
    await expectTold(liar.raw, others, `this connection speaks for printer ${liar.id}`);
    const asFirstGeneration = { printer_name: 'x', api_key: victim.id, firmware_version: '1.5.0' };
    await expectTold(liar.raw, [asFirstGeneration], `this connection speaks for printer ${liar.id}`);
    // Neither of the two has lost its standing.
    expect((await liar.raw.ask(liar.hello)).code).toBe('subscription_accepted');
    expect(await details(server, victim.id)).toMatchObject({ online: true, firmware_version: '1.4.0' });
  });

  it('is told to subscribe first, also if its path names another printer', async () => {
    const liar = await connect(`/ws/${victim.id}`);
    await expectTold(liar, reports(), 'subscribe before');
    await expectTold(liar, reports({ printer_id: victim.id }), 'subscribe before');
  });

  it('is told that it reports for another printer, even if it has an update of its own', async () => {
    const liar = await subscribed();
    await expectTold(liar.raw, reports({ printer_id: victim.id }), 'this connection speaks for printer');
    const ownRollout = await roll(server, '1.5.0', { target: { printer_ids: [liar.id] } });
    await eventually('its own update', async () => (await counts(server, ownRollout.id))[1] === 1);
    await expectTold(
      liar.raw,
      reports({ printer_id: victim.id.toUpperCase() }),
      'this connection speaks for printer',
    );
    expect(await counts(server, ownRollout.id)).toEqual(ONE_UNDER_WAY);
    // For itself it may speak by its name.
    liar.raw.socket.send(
      JSON.stringify({ kind: 'firmware_failed', error: 'x', printer_id: liar.id.toUpperCase() }),
    );
    expect((await liar.raw.ask('nonsense')).code).toBe('validation_error');
    expect(await counts(server, ownRollout.id)).toEqual([0, 0, 0, 1, 0]);
    expect(await counts(server, rolloutId)).toEqual(ONE_UNDER_WAY);
  });

  it('is told that it was sent nothing of what it reports', async () => {
    const liar = await subscribed();
    await expectTold(liar.raw, reports(), 'was sent to this printer');
  });

  it('is told that it was never sent the version that it completes, and its update goes on', async () => {
    const wrong = ['1.6.0', '9.9.9', '1.4.0', '0.0.0'].flatMap((version) => [
      { kind: 'firmware_complete', version },
      { kind: 'firmware_declined', version, auto_update: false },
    ]);
    await expectTold(victim.raw, wrong, 'no update to this version was sent to this printer');
    victim.raw.socket.send(JSON.stringify({ kind: 'firmware_complete', version: '1.5.0' }));
    await victim.raw.ask('nonsense');
    expect(await counts(server, rolloutId)).toEqual([0, 0, 1, 0, 0]);
  });

  it('replays its end as often as it likes, and it counts once', async () => {
    const end = JSON.stringify({ kind: 'firmware_complete', version: '1.5.0' });
    victim.raw.socket.send(end);
    await victim.raw.ask('nonsense');
    const before = await rows();
    const replay = async ({ raw }: Printer): Promise<void> => {
      for (let index = 0; index < 50; index++) {
        raw.socket.send(end);
        for (const report of reports()) raw.socket.send(JSON.stringify(report));
      }
      await raw.ask('nonsense');
    };
    await replay(victim);
    expect(await rows()).toEqual(before);
    // On a second connection, on the first one once that is replaced, and after the rollout is cancelled.
    const again = await subscribed(victim.id);
    expect(await history(server, victim.id)).toMatchObject([{ status: 'failed' }]);
    await replay(again);
    victim.raw.socket.send(end);
    await patch(server, rolloutId, { status: 'cancelled' });
    await replay(again);
    expect(await counts(server, rolloutId)).toEqual([0, 0, 0, 1, 0]);
    expect(await history(server, victim.id)).toHaveLength(1);
  });

  it('cannot end an update by the words of a subscribe that is refused', async () => {
    const liar = await subscribed();
    const bad = [
      { printer_name: '', printer_id: ['x'], api_key: victim.id, firmware_version: '1.5.0' },
      { printer_name: 'x', printer_id: [victim.id], firmware_version: '1.5.0' },
      { printer_name: 'x', printer_id: `${victim.id} `, firmware_version: '1.5.0' },
      { printer_name: 'x', printer_id: null, api_key: `${victim.id}\0`, firmware_version: '1.5.0' },
    ];
    await expectTold(liar.raw, bad, 'must');
  });

  it('has left a server that still works', async () => {
    await expectStillWorks(server);
  });
});
