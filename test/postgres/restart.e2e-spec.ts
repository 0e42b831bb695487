import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Database } from '../../src/database/database.js';
import { connected, expectStatus, roll, upload } from '../support/factories.js';
import { eventually } from '../support/eventually.js';
import { startEmbeddedPostgres } from '../support/postgres/embedded.js';
import { TestProxy } from '../support/postgres/test-proxy.js';
import { TestServer } from '../support/server.js';
import { createTestDatabase } from '../support/test-database.js';

type Embedded = NonNullable<Awaited<ReturnType<typeof startEmbeddedPostgres>>>;
type Counts = Record<string, number>;

describe('PostgreSQL', () => {
  let postgres: Embedded;
  let server: TestServer;
  let folder: string;

  beforeAll(async () => {
    const started = await startEmbeddedPostgres();
    if (started === null) throw new Error('There are no binaries of PostgreSQL for this machine');
    postgres = started;
  });
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'paperminder-'))));
  // Its database is gone with PostgreSQL.
  afterEach(() => server.stop());
  afterAll(() => postgres.stop());

  async function counts(id: number): Promise<Counts> {
    return expectStatus(await server.request<Counts>('GET', `/api/rollouts/${id}`), 200);
  }

  it('that crashes and starts again in the middle of a rollout costs no printer its connection or its update', async () => {
    server = await TestServer.startIn(folder, await createTestDatabase(folder, postgres.url));
    await upload(server, '1.5.0');
    const fleet = await Promise.all(
      Array.from({ length: 60 }, () => connected(server, { version: '1.4.0' })),
    );
    const rolled = roll(server, '1.5.0');
    await eventually('some have got it', () => fleet.some(({ orders }) => orders.length > 0));
    await postgres.restart();
    const { id } = await rolled;
    const seen = await eventually(
      'all updates are completed',
      () => counts(id),
      ({ completed_count: completed }) => completed === fleet.length,
      60_000,
    );
    expect(seen).toMatchObject({ pending_count: 0, in_progress_count: 0, failed_count: 0 });
    const codes = (): unknown[] =>
      fleet.flatMap(({ received }) => received.flatMap(({ code }) => code ?? []));
    const letIn = (): number => codes().filter((code) => code === 'subscription_accepted').length;
    // Each is let in twice, at first and after its update, and never told to try again.
    await eventually('all are back', letIn, (count) => count >= 2 * fleet.length);
    expect(letIn()).toBe(2 * fleet.length);
    expect(codes()).not.toContain('server_error');
    const [rows] = await server
      .get(Database)
      .committed.values(`SELECT count(*) FROM printer_update WHERE status = 'completed' AND attempts = 1`);
    expect(rows).toEqual([fleet.length]);
  }, 120_000);

  it('whose answer to a COMMIT is lost is asked what has become of the transaction', async () => {
    const database = await createTestDatabase(folder, postgres.url);
    const proxy = await TestProxy.start(new URL(database.url));
    const url = new URL(database.url);
    url.port = String(proxy.port);
    server = await TestServer.startIn(folder, { ...database, url: url.href });
    const port = server.get(Database);
    await port.write((tx) => tx.sql.run('CREATE TABLE note (text varchar)'));
    const committed = port.write((tx) => {
      proxy.loseAnswerTo('COMMIT');
      return tx.sql.run(`INSERT INTO note VALUES ('committed')`);
    });
    expect(await committed).toBe(1);
    const lost = port.write(async (tx) => {
      await tx.sql.run(`INSERT INTO note VALUES ('lost')`);
      proxy.lose('COMMIT');
    });
    await expect(lost).rejects.toThrow('cannot be reached');
    expect(proxy.lost).toBe(2);
    const client = new pg.Client(database.url);
    await client.connect();
    expect((await client.query('SELECT text FROM note')).rows).toEqual([{ text: 'committed' }]);
    await client.end();
    await server.halt();
    await proxy.stop();
  });
});
