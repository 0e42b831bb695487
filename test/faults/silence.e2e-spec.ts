import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { UpdateLimits } from '../../src/rollout/updates/update-limits.js';
import { eventually } from '../support/eventually.js';
import { counts, details, history, printer, roll, upload } from '../support/factories.js';
import { subscribeMessage } from '../support/raw-socket.js';
import { TestServer } from '../support/server.js';

const PING_SECONDS = 1;
const MINUTE = 60_000;

describe('A printer that vanishes without a close', () => {
  let server: TestServer;
  let sockets: WebSocket[] = [];

  beforeAll(async () => {
    server = await TestServer.start({ PING_INTERVAL_SECONDS: String(PING_SECONDS) });
    await upload(server, '1.5.0');
  });
  afterEach(() => {
    for (const socket of sockets) socket.terminate();
    sockets = [];
  });
  afterAll(() => server.stop());

  /** A board that has subscribed, and whose socket is in the hands of the test. */
  async function board(uuid: string): Promise<{ socket: WebSocket; received: string[] }> {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws/${uuid}`);
    sockets.push(socket);
    const received: string[] = [];
    socket.on('message', (data) => received.push((data as Buffer).toString()));
    socket.on('error', () => undefined);
    socket.on('open', () => socket.send(JSON.stringify(subscribeMessage({ printer_id: uuid }))));
    await eventually('it has subscribed', () =>
      received.some((text) => text.includes('subscription_accepted')),
    );
    return { socket, received };
  }

  const VANISH: Record<string, (socket: WebSocket) => void> = {
    'cuts its socket': (socket) => socket.terminate(),
    'reads nothing any more': (socket) => socket.pause(),
  };

  it.each(Object.keys(VANISH))(
    'and %s is offline after two pings, its update fails at the limit, and it gets it again when it is retried',
    async (how) => {
      const uuid = randomUUID();
      const { socket, received } = await board(uuid);
      const { id } = await roll(server, '1.5.0', { target: { printer_ids: [uuid] } });
      await eventually('the update is sent', () => received.some((text) => text.includes('firmware_update')));
      VANISH[how]!(socket);
      // The first ping that is not answered comes within one interval, the second after another; then it is given up.
      await eventually('it is offline', async () => !(await details(server, uuid)).online, Boolean, 10_000);
      expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);

      server.clock.advance(31 * MINUTE);
      await server.get(UpdateLimits).check();
      expect(await counts(server, id)).toEqual([0, 0, 0, 1, 0]);
      expect((await history(server, uuid))[0]).toMatchObject({ error_message: 'no progress for 30 minutes' });

      const back = printer(server, { uuid, userId: uuid }).start();
      await eventually('it is back', () => back.subscribed);
      expect(back.orders).toEqual([]);
      await server.request('POST', `/api/rollouts/${id}/retry`);
      await eventually('it is updated', () => back.version === '1.5.0');
      await eventually('that is counted', async () => (await counts(server, id))[2] === 1);
      expect(back.orders).toHaveLength(1);
      await back.stop();
    },
    60_000,
  );

  it('and reconnects in time is sent the same update again', async () => {
    const uuid = randomUUID();
    const { socket, received } = await board(uuid);
    socket.pause();
    const { id } = await roll(server, '1.5.0', { target: { printer_ids: [uuid] } });
    await eventually('the update is under way', async () => (await counts(server, id))[1] === 1);
    // Before the server has noticed that the old socket is dead, whose end must not make it offline.
    const back = printer(server, { uuid, userId: uuid, behaviour: 'hang' }).start();
    await eventually('it has the update', () => back.orders.length === 1);
    socket.terminate();
    expect(received.some((text) => text.includes('firmware_update'))).toBe(false);
    expect((await history(server, uuid)).filter(({ status }) => status === 'in_progress')).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 4_000 * PING_SECONDS));
    expect([(await details(server, uuid)).online, back.orders.length]).toEqual([true, 1]);
    await back.stop();
  }, 60_000);

  it('holds up nobody else', async () => {
    const uuid = randomUUID();
    const { socket } = await board(uuid);
    socket.pause();
    const other = printer(server).start();
    await eventually('another one subscribes', () => other.subscribed);
    const { id } = await roll(server, '1.5.0', { target: { printer_ids: [uuid, other.options.uuid] } });
    await eventually('the other one is updated', () => other.version === '1.5.0');
    expect((await counts(server, id)).slice(3)).toEqual([0, 0]);
    await other.stop();
  });
});
