import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../src/database/database.js';
import { details, roll, upload } from './support/factories.js';
import { HeldQueue } from './support/held-queue.js';
import { LogLines } from './support/log-lines.js';
import { RawSocket, subscribeMessage } from './support/raw-socket.js';
import { TestServer } from './support/server.js';

describe('A batch of printers’ jobs', () => {
  let server: TestServer;

  const log = new LogLines();

  beforeAll(async () => {
    server = await TestServer.start({}, log);
    await upload(server, '1.5.0');
    await roll(server, '1.5.0');
  });
  afterAll(() => server.stop());

  it('serves everybody else if one job cannot be carried out', async () => {
    const ids = Array.from({ length: 21 }, () => randomUUID());
    const sockets = await Promise.all(ids.map(() => RawSocket.open(server, `/ws/${randomUUID()}`)));
    const [poisoned] = ids;
    const first = await RawSocket.open(server, `/ws/${randomUUID()}`);
    expect((await first.ask(subscribeMessage({ printer_id: poisoned, platform: 7 }))).code).toBe(
      'subscription_accepted',
    );
    first.socket.close();
    // A row that nothing the server does could have written.
    await server
      .get(Database)
      .write((tx) => tx.sql.run(`UPDATE printer SET problems = '[' WHERE uuid = ?`, poisoned!));
    const queue = await HeldQueue.hold(server);
    const answers = sockets.map((raw, index) =>
      raw.ask(subscribeMessage({ printer_id: ids[index], ...(index === 0 ? { platform: 7 } : {}) })),
    );
    await queue.submitted({ printers: ids.length });
    await queue.release();
    const codes = (await Promise.all(answers)).map(({ code }) => code);
    expect(codes).toEqual(['server_error', ...ids.slice(1).map(() => 'subscription_accepted')]);
    for (const id of ids.slice(1)) expect((await details(server, id)).online).toBe(true);
    // It tries again for ever.
    const again = await RawSocket.open(server, `/ws/${randomUUID()}`);
    expect((await again.ask(subscribeMessage({ printer_id: poisoned, platform: 7 }))).code).toBe(
      'server_error',
    );
    expect(log.of('Inbox')).toEqual([expect.stringContaining('A job failed: SyntaxError')]);
    const { body } = await server.request<{
      rollouts: Array<{ in_progress_count: number; total_targets: number }>;
    }>('GET', '/api/rollouts');
    expect(body.rollouts[0]).toMatchObject({ in_progress_count: ids.length, total_targets: ids.length });
  });

  it('counts each newcomer once for the limit of its address, however often a batch is tried', async () => {
    const limited = await TestServer.start({
      UNLIMITED_ADDRESSES: 'none',
      MAX_NEW_PRINTERS_PER_MINUTE: '21',
    });
    const poisoned = randomUUID();
    const first = await RawSocket.open(limited);
    await first.ask(subscribeMessage({ printer_id: poisoned, platform: 7 }));
    first.socket.close();
    await limited
      .get(Database)
      .write((tx) => tx.sql.run(`UPDATE printer SET problems = '[' WHERE uuid = ?`, poisoned));
    const sockets = await Promise.all(Array.from({ length: 21 }, () => RawSocket.open(limited)));
    const queue = await HeldQueue.hold(limited);
    const answers = sockets.map((raw, index) =>
      raw.ask(subscribeMessage(index === 20 ? { printer_id: poisoned, platform: 7 } : {})),
    );
    await queue.submitted({ printers: 21 });
    await queue.release();
    const codes = (await Promise.all(answers)).map(({ code }) => code);
    expect(codes).toEqual([...Array<string>(20).fill('subscription_accepted'), 'server_error']);
    await limited.stop();
  });
});
