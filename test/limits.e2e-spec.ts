import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { NewKeyResponse } from '../src/access/api-key.dto.js';
import { addressGroup } from '../src/http/address.js';
import type { FirmwareResponse } from '../src/firmware/firmware-response.dto.js';
import { Connections } from '../src/gateway/connections.js';
import { eventually } from './support/eventually.js';
import { binary, connected, expectStatus, roll, upload, uploadForm } from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { LogLines } from './support/log-lines.js';
import { RawSocket, subscribeMessage } from './support/raw-socket.js';
import { TestServer } from './support/server.js';

/** A value nested so many levels deep. */
function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = { a: value };
  return value;
}

// Every test hits a limit, and looks at somebody else who must not notice.
describe('The limit', () => {
  const servers: TestServer[] = [];

  async function start(settings: Record<string, string> = {}, log?: LogLines): Promise<TestServer> {
    const server = await TestServer.start(settings, log);
    servers.push(server);
    return server;
  }

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  describe('on what is sent', () => {
    let server: TestServer;

    beforeAll(async () => {
      server = await TestServer.start({
        MAX_FRAME_BYTES: '2048',
        MAX_JSON_DEPTH: '4',
        MAX_BODY_BYTES: '4096',
        MAX_TARGET_IDS: '3',
        MAX_TEXT_LENGTH: '50',
      });
      await upload(server, '1.0.0');
    });
    afterAll(() => server.stop());

    async function refused(method: string, path: string, body: object | FormData): Promise<string[]> {
      const other = await connected(server);
      const answer = await server.request<ProblemBody>(method, path, body);
      expect(answer.status).toBe(400);
      expect(other.subscribed).toBe(true);
      await other.stop();
      return answer.body.errors!.map((error) => `${error.field}: ${error.message}`);
    }

    it('MAX_FRAME_BYTES ends the connection that sends a larger frame, and no other', async () => {
      const other = await RawSocket.open(server);
      const raw = await RawSocket.open(server);
      const padded = { ...subscribeMessage(), padding: '' };
      padded.padding = 'x'.repeat(2_048 - JSON.stringify(padded).length);
      expect((await raw.ask(padded)).code).toBe('subscription_accepted');
      raw.socket.send('x'.repeat(2_049));
      await eventually('the connection is closed', () => raw.closeCode === 1009);
      expect((await other.ask(subscribeMessage())).code).toBe('subscription_accepted');
      other.socket.close();
    });

    it('MAX_JSON_DEPTH refuses a body that is nested deeper; a printer is let in nevertheless', async () => {
      const raw = await RawSocket.open(server);
      expect((await raw.ask(subscribeMessage({ extra: deep(4) }))).code).toBe('subscription_accepted');
      raw.socket.close();
      const errors = await refused('POST', '/api/rollouts', { target: deep(4) });
      expect(errors).toEqual(['target.a.a.a: target.a.a.a is nested more than 4 levels deep']);
    });

    it.each(['printer_ids', 'user_ids'])('MAX_TARGET_IDS refuses a longer list of %s', async (name) => {
      const ids = Array.from({ length: 4 }, () => randomUUID());
      const body = { firmware_version: '1.0.0', rollout_type: 'immediate', target: { [name]: ids } };
      const errors = await refused('POST', '/api/rollouts', body);
      expect(errors).toEqual([`target.${name}: target.${name} must list at most 3 ids, not 4`]);
      await roll(server, '1.0.0', { target: { [name]: ids.slice(1) } });
    });

    it('MAX_BODY_BYTES refuses a longer body with 413', async () => {
      const other = await connected(server);
      const answer = await server.request('POST', '/api/rollouts', { x: 'x'.repeat(4_096) });
      expect(answer.status).toBe(413);
      expect((await server.request('GET', '/api/firmware')).status).toBe(200);
      expect(other.subscribed).toBe(true);
      await other.stop();
    });

    it.each(['release_notes', 'changelog'])(
      'MAX_TEXT_LENGTH refuses a longer %s, and keeps nothing of the upload',
      async (field) => {
        const message = `${field}: ${field} must be at most 50 characters long, not 51`;
        const form = uploadForm({ version: '2.0.0', [field]: 'ü'.repeat(51) });
        expect(await refused('POST', '/api/firmware/upload', form)).toEqual([message]);
        const change = { [field]: 'ü'.repeat(51) };
        expect(await refused('PATCH', '/api/firmware/1.0.0', change)).toEqual([message]);
        const endless = uploadForm({ version: '2.0.0', [field]: 'x'.repeat(100_000) });
        expect(await refused('POST', '/api/firmware/upload', endless)).toEqual([
          expect.stringContaining(`${field}: `),
        ]);
        await eventually(
          'nothing is left behind',
          async () => (await readdir(join(server.uploads, 'incoming'))).length === 0,
        );
        expectStatus(await server.request('PATCH', '/api/firmware/1.0.0', { [field]: 'ü'.repeat(50) }), 200);
      },
    );

    it('refuses a form with fields without end', async () => {
      const fields = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`x${index}`, '']));
      expect(await refused('POST', '/api/firmware/upload', uploadForm(fields, binary()))).toHaveLength(1);
    });

    it('takes an api_key of more than 1,024 characters for none, and does not cut it short', async () => {
      const raw = await RawSocket.open(server);
      const hello = subscribeMessage({ api_key: 'k'.repeat(1_024) });
      const tooLong = { ...hello, api_key: 'k'.repeat(1_025) };
      expect((await raw.ask(tooLong)).detail).toContain('not usable: api_key');
      expect((await raw.ask(hello)).code).toBe('subscription_accepted');
      expect((await raw.ask(tooLong)).code).toBe('unauthorized');
      raw.socket.close();
    });
  });

  // 127.0.0.2 and 127.0.0.3 are this machine, too: one misbehaves, the other is somebody else.
  const GREEDY = '127.0.0.2';
  const OTHER = '127.0.0.3';

  /** Sends a request from an address, over a socket of its own; resolves with the answer, its body unread. */
  function askUnread(
    server: TestServer,
    localAddress: string,
    path: string,
    headers: Record<string, string> = {},
    method = 'GET',
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const options = { localAddress, headers, method, agent: false };
      const request = httpRequest(server.url + path, options, resolve);
      request.on('error', reject).end();
    });
  }

  /** Likewise, and passes over the body. */
  async function ask(...parameters: Parameters<typeof askUnread>): Promise<IncomingMessage> {
    const response = await askUnread(...parameters);
    return response.resume();
  }

  /** Opens a socket, and sends nothing. */
  async function openSilently(server: TestServer, localAddress: string): Promise<Socket> {
    const { port } = new URL(server.url);
    const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress });
    socket.on('error', () => undefined).resume();
    await once(socket, 'connect');
    return socket;
  }

  describe('on sockets', () => {
    it('MAX_CONNECTIONS_PER_ADDRESS turns away what is more, while others come and stay', async () => {
      const log = new LogLines();
      const settings = { MAX_CONNECTIONS_PER_ADDRESS: '3', UNLIMITED_ADDRESSES: 'none' };
      const server = await start(settings, log);
      const other = await RawSocket.open(server, undefined, [], OTHER);
      const greedy = [];
      for (let index = 0; index < 3; index++)
        greedy.push(await RawSocket.open(server, undefined, [], GREEDY));
      expect(await RawSocket.tryOpen(server, GREEDY)).toBe(503);
      expect(await RawSocket.tryOpen(server, GREEDY)).toBe(503);
      const turnedAway = await ask(server, GREEDY, '/health/live');
      expect([turnedAway.statusCode, turnedAway.headers['retry-after']]).toEqual([503, '5']);
      expect(turnedAway.headers['content-type']).toBe('application/problem+json');
      // Those who are in do not notice, neither of the same address nor of another.
      expect((await greedy[0]!.ask(subscribeMessage())).code).toBe('subscription_accepted');
      expect((await other.ask(subscribeMessage())).code).toBe('subscription_accepted');
      expect(await RawSocket.tryOpen(server, OTHER)).toBe(101);
      expect((await ask(server, OTHER, '/health/live')).statusCode).toBe(200);
      expect(log.of('Sockets')).toEqual([
        `${GREEDY} has 3 sockets open: more are turned away (MAX_CONNECTIONS_PER_ADDRESS)`,
      ]);
      greedy[0]!.socket.close();
      await eventually('there is room again', async () => (await RawSocket.tryOpen(server, GREEDY)) === 101);
    });

    it('sockets that say nothing count, too, and are closed unheard when they are far too many', async () => {
      const settings = { MAX_CONNECTIONS_PER_ADDRESS: '3', UNLIMITED_ADDRESSES: 'none' };
      const server = await start(settings);
      const other = await RawSocket.open(server, undefined, [], OTHER);
      const sockets: Socket[] = [];
      for (let index = 0; index < 120; index++) sockets.push(await openSilently(server, GREEDY));
      await eventually(
        'those beyond are closed',
        () => sockets.filter((socket) => socket.closed).length,
        (closed) => closed === 17,
      );
      expect((await other.ask(subscribeMessage())).code).toBe('subscription_accepted');
      for (const socket of sockets) socket.destroy();
    });

    it('UNLIMITED_ADDRESSES may open as many as they like: a proxy has the sockets of all', async () => {
      const settings = { MAX_CONNECTIONS_PER_ADDRESS: '2', UNLIMITED_ADDRESSES: '127.0.0.2/31' };
      const server = await start(settings);
      const proxy = [];
      for (let index = 0; index < 5; index++) proxy.push(await RawSocket.open(server, undefined, [], GREEDY));
      const other = await RawSocket.open(server, undefined, [], '127.0.0.4');
      expect((await other.ask(subscribeMessage())).code).toBe('subscription_accepted');
      for (const { socket } of [...proxy, other]) socket.close();
    });

    it('MAX_CONNECTIONS bounds all sockets, whatever they are for, and leaves those of printers alone', async () => {
      const log = new LogLines();
      const server = await start({ MAX_CONNECTIONS: '2' }, log);
      const printers = [await RawSocket.open(server), await RawSocket.open(server)];
      const sockets: Socket[] = [];
      for (let index = 0; index < 520; index++) sockets.push(await openSilently(server, GREEDY));
      await eventually(
        'those beyond are closed',
        () => sockets.filter((socket) => socket.closed).length,
        (closed) => closed === 20,
      );
      for (const one of printers)
        expect((await one.ask(subscribeMessage())).code).toBe('subscription_accepted');
      expect(log.of('Sockets')).toEqual(['502 sockets are open: more are closed (MAX_CONNECTIONS)']);
      for (const socket of sockets) socket.destroy();
      await eventually('others are let in again', () =>
        ask(server, OTHER, '/health/live').then(
          ({ statusCode }) => statusCode === 200,
          () => false,
        ),
      );
    });

    it.each([
      ['192.0.2.7', '192.0.2.7'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
      ['2001:db8::6', '2001:db8:0:0::/64'],
      ['::1', '0:0:0:0::/64'],
      ['2001:db8:1:2:3:4:5::', '2001:db8:1:2::/64'],
    ])('counts %s as %s', (address, group) => {
      expect(addressGroup(address)).toBe(group);
    });
  });

  describe('on requests', () => {
    const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

    async function claim(server: TestServer): Promise<string> {
      const token = readFileSync(join(server.folder, 'claim-token'), 'utf8').trim();
      const body = { token, name: 'Ada' };
      return expectStatus(await server.request<NewKeyResponse>('POST', '/api/keys/claim', body), 201).key;
    }

    /** Sends many requests at once; returns the answers that say that they were too many. */
    async function flood(count: number, send: () => Promise<IncomingMessage>): Promise<IncomingMessage[]> {
      const begun = performance.now();
      const answers = await Promise.all(Array.from({ length: count }, send));
      const tooMany = answers.filter(({ statusCode }) => statusCode === 429);
      // What a window of a second lets in, in each that the flood took.
      const windows = Math.floor((performance.now() - begun) / 1_000) + 2;
      expect(count - tooMany.length).toBeLessThanOrEqual(PER_SECOND * windows);
      return tooMany;
    }
    const PER_SECOND = 10;
    const SETTINGS = { MAX_REQUESTS_PER_SECOND: String(PER_SECOND), UNLIMITED_ADDRESSES: 'none' };

    it('MAX_REQUESTS_PER_SECOND holds an address without a key, with Retry-After, and no other address', async () => {
      const server = await start({ ...SETTINGS, AUTH: 'none' });
      const tooMany = await flood(100, () => ask(server, GREEDY, '/api/printers'));
      expect(tooMany.length).toBeGreaterThan(0);
      for (const { headers } of tooMany)
        expect([headers['retry-after'], headers['content-type']]).toEqual([
          '1',
          'application/problem+json; charset=utf-8',
        ]);
      expect((await ask(server, OTHER, '/api/printers')).statusCode).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      expect((await ask(server, GREEDY, '/api/printers')).statusCode).toBe(200);
    });

    it('MAX_REQUESTS_PER_SECOND holds a key, and no other key of the same address', async () => {
      const server = await start(SETTINGS);
      const admin = await claim(server);
      const made = await server.request<NewKeyResponse>(
        'POST',
        '/api/keys',
        { name: 'dashboard', scopes: ['read'] },
        bearer(admin),
      );
      const { key } = expectStatus(made, 201);
      const tooMany = await flood(100, () => ask(server, GREEDY, '/api/printers', bearer(key)));
      expect(tooMany.length).toBeGreaterThan(0);
      expect((await ask(server, GREEDY, '/api/printers', bearer(admin))).statusCode).toBe(200);
      // Those that its scope forbids count, too.
      const forbidden = await flood(100, () => ask(server, GREEDY, '/api/keys', bearer(key)));
      expect(forbidden.length).toBeGreaterThan(0);
      expect((await ask(server, GREEDY, '/api/printers', bearer(admin))).statusCode).toBe(200);
    });

    it('MAX_REQUESTS_PER_SECOND is for the management alone: not for downloads, health checks or the console', async () => {
      const server = await start({ ...SETTINGS, AUTH: 'none' });
      const bytes = binary();
      await upload(server, '1.0.0', {}, bytes);
      const others = ['/health/live', '/', '/assets/index-B7x1.js'];
      for (const path of ['/api/firmware/download/1.0.0', '/api/firmware/download/1', ...others]) {
        const answers = await Promise.all(Array.from({ length: 50 }, () => ask(server, GREEDY, path)));
        expect(answers.filter(({ statusCode }) => statusCode === 429)).toEqual([]);
      }
    });

    it('MAX_REQUESTS_PER_SECOND stands in the OpenAPI document, if it holds', async () => {
      const server = await start();
      const { paths } = (await server.request<OpenAPIObject>('GET', '/openapi.json')).body;
      const untold = Object.entries(paths)
        .filter(([, one]) => (one.get ?? one.post ?? one.delete)?.responses['429'] === undefined)
        .map(([path]) => path);
      expect(untold.sort()).toEqual(['/api/firmware/download/{version}', '/health/live', '/health/ready']);
      const answer = paths['/api/rollouts']?.post?.responses['429'];
      expect(answer).toHaveProperty(['headers', 'Retry-After']);
    });

    it('UNLIMITED_ADDRESSES may ask as often as they like', async () => {
      const server = await start({
        MAX_REQUESTS_PER_SECOND: '1',
        MAX_FAILED_KEYS_PER_MINUTE: '1',
      });
      for (let index = 0; index < 20; index++)
        expect((await ask(server, GREEDY, '/api/printers')).statusCode).toBe(200);
      for (let index = 0; index < 3; index++)
        expect((await ask(server, GREEDY, '/api/printers', bearer('guess'))).statusCode).toBe(401);
    });

    it('MAX_FAILED_KEYS_PER_MINUTE holds who guesses, and nobody with a key that counts', async () => {
      const log = new LogLines();
      const settings = { MAX_FAILED_KEYS_PER_MINUTE: '3', UNLIMITED_ADDRESSES: 'none' };
      const server = await start(settings, log);
      const key = await claim(server);
      const statuses = [];
      for (let index = 0; index < 6; index++) {
        const guess = `pmk_${String(index).repeat(43)}`;
        const answer = await ask(server, GREEDY, '/api/printers', bearer(guess));
        statuses.push(answer.statusCode);
        if (answer.statusCode === 429) expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60);
      }
      expect(statuses).toEqual([401, 401, 401, 429, 429, 429]);
      // Whoever has a key can stop a rollout, even from the address of the guesser.
      expect((await ask(server, GREEDY, '/api/printers', bearer(key))).statusCode).toBe(200);
      expect((await ask(server, OTHER, '/api/printers', bearer('guess'))).statusCode).toBe(401);
      expect(log.of('Access').filter((line) => line.includes('MAX_FAILED_KEYS_PER_MINUTE'))).toEqual([
        `${GREEDY} sends more than 3 invalid keys a minute (MAX_FAILED_KEYS_PER_MINUTE)`,
      ]);
    });

    it('MAX_FAILED_KEYS_PER_MINUTE holds who guesses the token of a claim', async () => {
      const server = await start({ MAX_FAILED_KEYS_PER_MINUTE: '3', UNLIMITED_ADDRESSES: 'none' });
      const statuses = [];
      for (let index = 0; index < 5; index++)
        statuses.push((await ask(server, GREEDY, '/api/keys/claim', {}, 'POST')).statusCode);
      expect(statuses).toEqual([400, 400, 400, 429, 429]);
      expect(await claim(server)).toMatch(/^pmk_/);
    });
  });

  describe('on patience', () => {
    const HEAD =
      'POST /api/firmware/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n' +
      'Content-Type: multipart/form-data; boundary=b\r\n\r\n' +
      '--b\r\nContent-Disposition: form-data; name="file"; filename="x.bin"\r\n\r\n';

    async function leftOvers(server: TestServer): Promise<number> {
      return (await readdir(join(server.uploads, 'incoming'))).length;
    }

    /** Begins an upload, and waits until its file is there. */
    async function beginUpload(server: TestServer): Promise<Socket> {
      const socket = await openSilently(server, GREEDY);
      socket.write(`${HEAD}${'x'.repeat(20_000)}`);
      await eventually('the upload has begun', async () => (await leftOvers(server)) === 1);
      return socket;
    }

    it('REQUEST_TIMEOUT_SECONDS drops an upload at a trickle, keeps nothing of it, and takes others', async () => {
      const server = await start({ REQUEST_TIMEOUT_SECONDS: '2' });
      const socket = await beginUpload(server);
      const trickle = setInterval(() => socket.write('x'), 200);
      await upload(server, '1.0.0');
      await eventually('it is cut off', () => socket.closed, Boolean, 15_000);
      clearInterval(trickle);
      await eventually('nothing is left behind', async () => (await leftOvers(server)) === 0);
      await upload(server, '2.0.0');
    }, 60_000);

    it('STALLED_SECONDS drops an upload that has come to a stop, keeps nothing of it, and takes slow ones', async () => {
      const server = await start({ STALLED_SECONDS: '2' });
      const stuck = await beginUpload(server);
      const slow = await openSilently(server, OTHER);
      let answer = '';
      slow.on('data', (chunk: Buffer) => (answer += chunk.toString()));
      const body =
        '--b\r\nContent-Disposition: form-data; name="version"\r\n\r\n1.0.0\r\n--b\r\nContent-Disposition: form-data; ' +
        `name="file"; filename="x.bin"\r\n\r\n${'x'.repeat(100)}\r\n--b--\r\n`;
      slow.write(HEAD.slice(0, HEAD.indexOf('--b')).replace('100000', String(body.length)));
      for (let sent = 0; sent < body.length; sent += 20) {
        slow.write(body.slice(sent, sent + 20));
        await new Promise((resolve) => setTimeout(resolve, 400));
      }
      await eventually('the slow one is taken', () => answer.startsWith('HTTP/1.1 201'));
      await eventually('the other is cut off', () => stuck.closed);
      await eventually('nothing is left behind', async () => (await leftOvers(server)) === 0);
    }, 60_000);

    it('STALLED_SECONDS drops who reads no more of a download, and nobody who reads slowly', async () => {
      const log = new LogLines();
      const size = 24 * 1024 * 1024;
      const server = await start({ STALLED_SECONDS: '2', MAX_FIRMWARE_SIZE: String(size) }, log);
      await upload(server, '1.0.0', {}, binary(size));
      const path = '/api/firmware/download/1.0.0';
      await ask(server, OTHER, path);
      const stuck = await openSilently(server, GREEDY);
      stuck.pause().write(`GET ${path}?channel=stable HTTP/1.0\r\n\r\n`);
      let read = 0;
      for await (const chunk of await askUnread(server, OTHER, path)) {
        const before = read;
        read += (chunk as Buffer).length;
        // A megabyte, then a rest: four times as long as the limit in all, and never so long at once.
        if (Math.floor(before / 2 ** 20) < Math.floor(read / 2 ** 20))
          await new Promise((resolve) => setTimeout(resolve, 350));
      }
      expect(read).toBe(size);
      const cutOff = `GET ${path}?channel=stable 200 aborted`;
      await eventually('the other is cut off', () =>
        log.of('HTTP').some((line) => line.startsWith(cutOff) && line.endsWith(GREEDY)),
      );
      expect(log.of('HTTP').filter((line) => line.includes('aborted'))).toHaveLength(1);
      const { body } = await server.request<FirmwareResponse>('GET', '/api/firmware/1.0.0');
      expect(body.download_count).toBe(2);
      stuck.destroy();
    }, 60_000);

    it('MAX_UNREAD_BYTES disconnects a printer that does not read, and no other', async () => {
      const server = await start({ MAX_UNREAD_BYTES: '65536', MAX_MESSAGES_PER_SECOND: '1000000' });
      const [other, deaf] = [await RawSocket.open(server), await RawSocket.open(server)];
      const hello = subscribeMessage();
      expect((await other.ask(hello)).code).toBe('subscription_accepted');
      await deaf.ask(subscribeMessage());
      const connections = server.get(Connections);
      deaf.socket.pause();
      // An answer to each; the kernel takes some megabytes before anything waits here.
      const message = JSON.stringify({ kind: 'x'.repeat(200) });
      for (let sent = 0; sent < 100_000 && connections.count === 2; sent++) {
        deaf.socket.send(message);
        if (sent % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await eventually('it is disconnected', () => connections.count === 1);
      expect((await other.ask(hello)).code).toBe('subscription_accepted');
      deaf.socket.terminate();
      other.socket.close();
    }, 60_000);
  });
});
