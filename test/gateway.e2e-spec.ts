import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import { connected, counts, details, printer, roll, upload } from './support/factories.js';
import { HeldQueue } from './support/held-queue.js';
import { RawSocket, subscribeMessage } from './support/raw-socket.js';
import { TestServer } from './support/server.js';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe('The gateway', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start({ PING_INTERVAL_SECONDS: '1' });
  });
  afterAll(() => server.stop());

  it('handles frames that come in one packet in their order', async () => {
    const owner = randomUUID();
    const raw = await RawSocket.open(server, `/ws/${owner}`);
    const { _socket: stream } = raw.socket as unknown as { _socket: Socket };
    stream.cork();
    for (const message of [
      { kind: 'firmware_progress', percent: 5 },
      subscribeMessage({ user_id: owner }),
      { kind: 'firmware_progress', percent: 45 },
      subscribeMessage({ printer_id: 'x' }),
    ])
      raw.socket.send(JSON.stringify(message));
    stream.uncork();
    await eventually(
      'the last one is answered',
      () => raw.received.map(({ detail }) => detail),
      (details) => details.some((detail) => String(detail).includes('printer_id')),
    );
    expect(raw.received.map(({ code, detail }) => [code, detail])).toEqual([
      ['info', 'connected'],
      ['validation_error', expect.stringContaining('must subscribe before it reports')],
      ['subscription_accepted', expect.any(String)],
      ['validation_error', expect.stringContaining('no update was sent to this printer')],
      ['validation_error', expect.stringContaining('printer_id')],
    ]);
    raw.socket.close();
  });

  describe('subscribes in one packet', () => {
    const [right, wrong] = [{ api_key: 'right' }, { api_key: 'wrong' }];
    const accepted = 'subscription_accepted';

    /** Sends messages in one packet; resolves with the codes of that many answers. */
    async function answers(raw: RawSocket, messages: readonly object[], count: number): Promise<unknown[]> {
      const { _socket: stream } = raw.socket as unknown as { _socket: Socket };
      stream.cork();
      for (const message of messages) raw.socket.send(JSON.stringify(message));
      stream.uncork();
      await eventually('all are answered', () => raw.received.length > count);
      return raw.received.slice(1).map(({ code }) => code);
    }

    it('are answered in their order, and the last answer holds', async () => {
      const hello = subscribeMessage(right);
      const uuid = String(hello.printer_id);
      const first = await RawSocket.open(server);
      expect((await first.ask(hello)).code).toBe(accepted);
      first.socket.close();
      const out = await RawSocket.open(server);
      expect(await answers(out, [hello, { ...hello, ...wrong }], 2)).toEqual([accepted, 'unauthorized']);
      expect((await details(server, uuid)).online).toBe(false);
      const back = await RawSocket.open(server);
      expect(await answers(back, [{ ...hello, ...wrong }, hello, { ...hello, ...wrong }, hello], 4)).toEqual([
        'unauthorized',
        accepted,
        'unauthorized',
        accepted,
      ]);
      expect((await details(server, uuid)).online).toBe(true);
      out.socket.close();
      back.socket.close();
    });

    it('of a printer that is not known yet are, too', async () => {
      const hello = subscribeMessage(right);
      const raw = await RawSocket.open(server);
      expect(await answers(raw, [hello, { ...hello, ...wrong }, hello], 3)).toEqual([
        accepted,
        'unauthorized',
        accepted,
      ]);
      expect((await details(server, String(hello.printer_id))).online).toBe(true);
      raw.socket.close();
    });

    it('let the report ahead of a refused one count', async () => {
      const hello = subscribeMessage({ ...right, user_id: randomUUID() });
      const raw = await RawSocket.open(server);
      expect((await raw.ask(hello)).code).toBe(accepted);
      await upload(server, '1.5.7');
      const { id } = await roll(server, '1.5.7', { target: { user_ids: [String(hello.user_id)] } });
      await eventually('the update', () => raw.received.some(({ kind }) => kind === 'firmware_update'));
      const failed = { kind: 'firmware_failed', error: 'no space' };
      await answers(raw, [failed, { ...hello, ...wrong }], raw.received.length);
      expect(raw.received.at(-1)?.code).toBe('unauthorized');
      expect(await counts(server, id)).toEqual([0, 0, 0, 1, 0]);
      raw.socket.close();
    });
  });

  describe('handshake', () => {
    it('greets', async () => {
      const raw = await RawSocket.open(server);
      expect(raw.received).toEqual([{ kind: 'status', code: 'info', detail: 'connected', timestamp: TIME }]);
      raw.socket.close();
    });

    it.each([
      ['/ws/not-a-uuid', 400],
      ['/ws/', 404],
      ['/ws', 404],
      ['/', 404],
      ['/ws/550e8400-e29b-41d4-a716-446655440000/', 404],
      ['/ws/550e8400-e29b-41d4-a716-446655440000/more', 404],
      ['/api/printers', 404],
    ])('refuses %s with the status %i', async (path, status) => {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const headers = {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        };
        httpRequest(server.url + path, { headers }, resolve)
          .on('error', reject)
          .end();
      });
      response.resume();
      expect(response.statusCode).toBe(status);
      expect(response.headers['content-type']).toBe('application/problem+json');
    });

    it('lets boards in: their subprotocol, their origin, a query', async () => {
      const raw = await RawSocket.open(server, `/ws/${randomUUID().toUpperCase()}?x=1`, ['arduino']);
      expect(raw.socket.protocol).toBe('arduino');
      raw.socket.close();
      const board = await connected(server); // The virtual printer sends Origin: file://.
      await board.stop();
    });
  });

  describe('subscribe', () => {
    it('registers a printer with all that it says', async () => {
      const userId = randomUUID();
      const raw = await RawSocket.open(server);
      const message = subscribeMessage({
        printer_id: '770E8400-E29B-41D4-A716-446655440000',
        api_key: 'secret',
        user_id: userId,
        platform: 'ESP8266',
        firmware_version: 'v1.4',
        auto_update: false,
        update_channel: 'beta',
        something_new: 1,
      });
      expect(await raw.ask(message)).toEqual({
        kind: 'status',
        code: 'subscription_accepted',
        detail: expect.any(String),
        timestamp: TIME,
      });
      expect(await details(server, '770e8400-e29b-41d4-a716-446655440000')).toEqual({
        id: expect.any(Number),
        uuid: '770e8400-e29b-41d4-a716-446655440000',
        name: 'Front Desk',
        user_id: userId,
        platform: 'esp8266',
        firmware_version: '1.4.0',
        reported_version: null,
        auto_update: false,
        update_channel: 'beta',
        online: true,
        blocked: false,
        has_key: true,
        last_connected: TIME,
        last_ip: '127.0.0.1',
        created_at: TIME,
        problems: [],
      });
      raw.socket.close();
    });

    it('takes what is absent from the record, the path, or the defaults', async () => {
      const uuid = randomUUID();
      const owner = randomUUID();
      const first = await RawSocket.open(server, `/ws/${owner}`);
      await first.ask(subscribeMessage({ printer_id: uuid, firmware_version: undefined }));
      expect(await details(server, uuid)).toMatchObject({
        user_id: owner,
        platform: null,
        firmware_version: '0.0.0',
        auto_update: true,
        update_channel: 'stable',
      });
      await first.ask(
        subscribeMessage({
          printer_id: uuid,
          platform: 'esp32',
          firmware_version: '1.2.3',
          auto_update: false,
          update_channel: 'canary',
        }),
      );
      // Early firmware puts its own UUID into the path: the owner on record stays.
      const second = await RawSocket.open(server, `/ws/${uuid}`);
      await second.ask(subscribeMessage({ printer_id: uuid, firmware_version: null }));
      expect(await details(server, uuid)).toMatchObject({
        user_id: owner,
        platform: 'esp32',
        firmware_version: '1.2.3',
        auto_update: false,
        update_channel: 'canary',
      });
      second.socket.close();
    });

    it('finds the UUID of a first-generation printer in api_key', async () => {
      const uuid = randomUUID();
      const raw = await RawSocket.open(server);
      const accepted = await raw.ask({ printer_name: 'Old one', api_key: uuid, firmware_version: '1.0' });
      expect(accepted.code).toBe('subscription_accepted');
      expect(await details(server, uuid)).toMatchObject({ name: 'Old one', firmware_version: '1.0.0' });
      raw.socket.close();
    });
  });

  describe('nonsense', () => {
    it.each([
      ['no JSON', 'hello', 'JSON'],
      ['no object', '[1]', 'object'],
      ['null', 'null', 'object'],
      ['a number', '42', 'object'],
      ['an empty object', {}, 'kind'],
      ['an unknown kind', { kind: 'firmware_update' }, 'kind'],
      ['a kind that is no text', { kind: 5 }, 'kind'],
      ['neither printer_id nor api_key', { printer_name: 'x' }, 'printer_id'],
      ['an api_key that is no UUID, alone', { printer_name: 'x', api_key: 'secret' }, 'api_key'],
      ['a printer_id that is no UUID', subscribeMessage({ printer_id: '42' }), 'printer_id'],
      ['nested without end', `{"printer_name":${'['.repeat(7_000)}${']'.repeat(7_000)}}`, 'printer_id'],
      ['a key that every object has', '{"__proto__":{},"printer_name":"x"}', 'printer_id'],
      ['a binary frame', Buffer.from('{}'), 'text frame'],
    ])('is answered in words: %s', async (_what, message, words) => {
      const raw = await RawSocket.open(server);
      const answer = await raw.ask(message);
      expect(answer).toMatchObject({ kind: 'status', code: 'validation_error', timestamp: TIME });
      expect(answer.detail).toContain(words);
      // The connection stays open, so that the printer still gets its update.
      expect((await raw.ask(subscribeMessage())).code).toBe('subscription_accepted');
      raw.socket.close();
    });

    it.each([
      { kind: 'firmware_progress', percent: 10, status: 'x' },
      { kind: 'firmware_complete', version: '1.5.0' },
      { kind: 'firmware_failed', error: 'x' },
      { kind: 'firmware_declined', version: '1.5.0', auto_update: false },
    ])('a report before any subscribe is an error: %j', async (report) => {
      const raw = await RawSocket.open(server);
      const answer = await raw.ask(report);
      expect(answer.code).toBe('validation_error');
      expect(answer.detail).toContain('subscribe before');
      raw.socket.close();
    });

    it.each([
      [{ kind: 'firmware_complete' }, 'no update'],
      [{ kind: 'firmware_progress', percent: '45' }, 'no update'],
      [{ kind: 'firmware_complete', version: '9.9.9' }, 'no update'],
      [{ kind: 'firmware_failed', error: 'x' }, 'no update'],
    ])('a report that cannot be is an error: %j', async (report, words) => {
      const raw = await RawSocket.open(server);
      await raw.ask(subscribeMessage());
      const answer = await raw.ask(report);
      expect(answer.code).toBe('validation_error');
      expect(answer.detail).toContain(words);
      raw.socket.close();
    });

    it('one connection speaks for one printer', async () => {
      const raw = await RawSocket.open(server);
      await raw.ask(subscribeMessage());
      const stranger = randomUUID();
      const answer = await raw.ask(subscribeMessage({ printer_id: stranger }));
      expect(answer.code).toBe('validation_error');
      expect((await server.request('GET', `/api/printers/${stranger}`)).status).toBe(404);
      raw.socket.close();
    });

    it('a frame above 16 KiB ends its connection, and no other', async () => {
      const other = await connected(server);
      const raw = await RawSocket.open(server);
      raw.socket.send('x'.repeat(16 * 1024 + 1));
      await eventually('the connection is closed', () => raw.closeCode === 1009);
      expect(other.subscribed).toBe(true);
      await other.stop();
    });
  });

  describe('connection', () => {
    it('makes a printer online and offline', async () => {
      const board = await connected(server);
      const { uuid } = board.options;
      expect((await details(server, uuid)).online).toBe(true);
      await board.stop();
      await eventually('it is offline', async () => !(await details(server, uuid)).online);
    });

    it('on a newer socket wins, and the late close of the old one does not count', async () => {
      const uuid = randomUUID();
      const old = await RawSocket.open(server);
      await old.ask(subscribeMessage({ printer_id: uuid }));
      const young = await RawSocket.open(server);
      await young.ask(subscribeMessage({ printer_id: uuid }));
      await eventually('the old one is closed', () => old.closeCode === 4000);
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect((await details(server, uuid)).online).toBe(true);
      young.socket.close();
      await eventually('it is offline', async () => !(await details(server, uuid)).online);
    });

    it('that answers no pings is given up', async () => {
      const raw = await RawSocket.open(server);
      const uuid = randomUUID();
      await raw.ask(subscribeMessage({ printer_id: uuid }));
      // A board that has lost its power: the socket is there, but nobody reads it.
      raw.socket.pause();
      await eventually('it is offline', async () => !(await details(server, uuid)).online);
      raw.socket.terminate();
    });

    it('that answers its pings stays', async () => {
      const board = await connected(server);
      await new Promise((resolve) => setTimeout(resolve, 4_500));
      expect(board.subscribed).toBe(true);
      expect(board.received.filter((message) => message.code === 'info')).toHaveLength(1);
      await board.stop();
    });

    it('is told that the service restarts, and nobody is online after a start', async () => {
      const raw = await RawSocket.open(server);
      const uuid = randomUUID();
      await raw.ask(subscribeMessage({ printer_id: uuid }));
      await server.restart();
      expect(raw.closeCode).toBe(1012);
      expect((await details(server, uuid)).online).toBe(false);
    });
  });

  describe('push', () => {
    it('reaches printers whose subscribe is handled together with the creation of the rollout', async () => {
      await upload(server, '4.0.0');
      const owner = randomUUID();
      const sockets = await Promise.all(
        Array.from({ length: 40 }, () => RawSocket.open(server, `/ws/${owner}`)),
      );
      // The queue is held up, so that all that follows is committed as one group.
      const queue = await HeldQueue.hold(server);
      for (const raw of sockets)
        raw.socket.send(JSON.stringify(subscribeMessage({ firmware_version: '1.0.0' })));
      await queue.submitted({ printers: sockets.length });
      const created = roll(server, '4.0.0', { target: { user_ids: [owner] } });
      await queue.submitted({ operators: 1, printers: sockets.length });
      await queue.release();
      await created;
      await eventually('all are sent the update', () =>
        sockets.every((raw) => raw.received.at(-1)?.kind === 'firmware_update'),
      );
      for (const raw of sockets) {
        const codes = raw.received.map((message) => message.code ?? message.kind);
        expect(codes).toEqual(['info', 'subscription_accepted', 'firmware_update']);
        raw.socket.close();
      }
    });
  });

  it('turns printers away when it is full, and those who are in do not notice', async () => {
    const small = await TestServer.start({ MAX_CONNECTIONS: '2' });
    const [one, two] = [await RawSocket.open(small), await RawSocket.open(small)];
    expect(await RawSocket.tryOpen(small)).toBe(503);
    expect((await one.ask(subscribeMessage())).code).toBe('subscription_accepted');
    two.socket.close();
    await eventually('there is room again', async () => (await RawSocket.tryOpen(small)) === 101);
    await small.stop();
  });

  it('closes a connection that does not say who it is, and no other', async () => {
    const strict = await TestServer.start({ SUBSCRIBE_TIMEOUT_SECONDS: '1' });
    const silent = await RawSocket.open(strict);
    const good = await RawSocket.open(strict);
    const hello = subscribeMessage();
    await good.ask(hello);
    await eventually('the silent one is closed', () => silent.closeCode !== null);
    expect(silent.closeCode).toBe(1008);
    expect((await good.ask(hello)).code).toBe('subscription_accepted');
    await strict.stop();
  });

  it('closes a connection whose later subscribe is refused, unless it is accepted again in time', async () => {
    const strict = await TestServer.start({ SUBSCRIBE_TIMEOUT_SECONDS: '1' });
    const [right, wrong] = [{ api_key: 'right' }, { api_key: 'wrong' }];
    const [hello, other] = [subscribeMessage(), subscribeMessage()];
    const [refused, mended] = [await RawSocket.open(strict), await RawSocket.open(strict)];
    expect((await refused.ask({ ...hello, ...right })).code).toBe('subscription_accepted');
    expect((await mended.ask({ ...other, ...right })).code).toBe('subscription_accepted');
    expect((await refused.ask({ ...hello, ...wrong })).code).toBe('unauthorized');
    expect((await mended.ask({ ...other, ...wrong })).code).toBe('unauthorized');
    expect((await mended.ask({ ...other, ...right })).code).toBe('subscription_accepted');
    await eventually('the refused one is closed', () => refused.closeCode !== null);
    expect(refused.closeCode).toBe(1008);
    expect((await mended.ask({ ...other, ...right })).code).toBe('subscription_accepted');
    await strict.stop();
  });

  it('closes a connection that sends too much, and others do not notice', async () => {
    const strict = await TestServer.start({ MAX_MESSAGES_PER_SECOND: '20' });
    const good = await RawSocket.open(strict);
    const flood = await RawSocket.open(strict);
    for (let index = 0; index < 100; index++) flood.socket.send('nonsense');
    await eventually('it is closed', () => flood.closeCode !== null);
    expect(flood.closeCode).toBe(1008);
    expect(flood.received.length).toBeLessThanOrEqual(42); // The greeting, and what two seconds allow.
    expect((await good.ask(subscribeMessage())).code).toBe('subscription_accepted');
    await strict.stop();
  });

  describe('update message', () => {
    async function idOf(target: VirtualPrinter): Promise<number> {
      return (await details(server, target.options.uuid)).id;
    }

    it('has the five fixed names, below 1 KiB, and a URL at the host that the printer connected to', async () => {
      const version = `1.5.0-${'a'.repeat(50)}`;
      const build = await upload(server, version, { platform: 'esp32-s3', channel: 'canary' });
      const target = printer(server, { platform: 'esp32-s3', behaviour: 'hang' });
      await roll(server, version, { target: { printer_ids: [target.options.uuid] } });
      target.start();
      await eventually('the update', () => target.orders.length === 1);
      expect(target.orders[0]).toEqual({
        kind: 'firmware_update',
        version,
        platform: 'esp32-s3',
        url: expect.stringMatching(
          `/api/firmware/download/${version}\\?channel=canary&platform=esp32-s3&sha256=${build.sha256_checksum.slice(0, 16)}&printer=${await idOf(target)}&token=[^&]+$`,
        ),
        md5: build.md5_checksum,
      });
      expect(JSON.stringify(target.orders[0]).length).toBeLessThan(1_024);
      expect((await fetch(target.orders[0]!.url)).status).toBe(200);
      await target.stop();
    });

    it('leaves the platform out if the build has none, and names the printer in the URL', async () => {
      const { sha256_checksum: sha256 } = await upload(server, '3.0.0');
      const target = printer(server, { behaviour: 'hang' });
      const { id } = await roll(server, '3.0.0', { target: { printer_ids: [target.options.uuid] } });
      target.start();
      await eventually('the update', () => target.orders.length === 1);
      expect(Object.keys(target.orders[0]!)).toEqual(['kind', 'version', 'url', 'md5']);
      const [address] = target.orders[0]!.url.split('&token=');
      const path = `/api/firmware/download/3.0.0?sha256=${sha256.slice(0, 16)}&printer=${await idOf(target)}`;
      expect(address).toBe(server.url + path);
      expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
      await target.stop();
    });

    it('has the configured address if there is one', async () => {
      const behindProxy = await TestServer.start({ base_url: 'https://updates.example.org/pm/' });
      const { sha256_checksum: sha256 } = await upload(behindProxy, '3.0.0');
      const target = await connected(behindProxy, { behaviour: 'hang' });
      await roll(behindProxy, '3.0.0');
      await eventually('the update', () => target.orders.length === 1);
      const [address] = target.orders[0]!.url.split('&token=');
      const path = `/api/firmware/download/3.0.0?sha256=${sha256.slice(0, 16)}&printer=1`;
      expect(address).toBe(`https://updates.example.org/pm${path}`);
      await target.stop();
      await behindProxy.stop();
    });
  });
});
