import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { PrinterResponse } from '../src/printer/printer.dto.js';
import { eventually } from './support/eventually.js';
import { binary, connected, expectStatus, printer, roll, upload } from './support/factories.js';
import { OPCODE, frame } from './support/frames.js';
import { LogLines } from './support/log-lines.js';
import { Proxy, forwardedFor } from './support/proxy.js';
import type { ProxyOptions } from './support/proxy.js';
import { RawConnection } from './support/raw-connection.js';
import { RawSocket, subscribeMessage } from './support/raw-socket.js';
import { TestServer } from './support/server.js';

const TRUSTED = { TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8', AUTH: 'none' };

describe('Behind a proxy', () => {
  const ends: Array<() => Promise<void>> = [];
  const log = new LogLines();

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    log.lines.length = 0;
  });

  async function start(settings: Record<string, string>, consoleFolder?: string): Promise<TestServer> {
    const server = await TestServer.start(settings, log, consoleFolder);
    ends.push(() => server.stop());
    return server;
  }

  async function proxy(server: TestServer, options: ProxyOptions): Promise<Proxy> {
    const started = await Proxy.start(server.url, options);
    ends.push(() => started.stop());
    return started;
  }

  /** What a printer is sent that connects through a proxy. */
  async function sentThrough(
    server: TestServer,
    front: { url: string },
  ): Promise<{ url: string; ip: string | null }> {
    const board = printer({ ...server, url: front.url } as TestServer, { behaviour: 'hang' }).start();
    ends.push(() => board.stop());
    await eventually('the update', () => board.orders.length > 0);
    const row = await server.request<PrinterResponse>('GET', `/api/printers/${board.options.uuid}`);
    return { url: board.orders[0]!.url, ip: expectStatus(row, 200).last_ip };
  }

  it('that is trusted, a printer has its own address, and is sent the one that it can reach', async () => {
    const server = await start(TRUSTED);
    await upload(server, '1.5.0');
    await roll(server, '1.5.0');
    const front = await proxy(server, {
      headers: (client) => ({
        ...forwardedFor('203.0.113.9')(client),
        'x-forwarded-host': 'printers.example:8443',
      }),
    });
    const { url, ip } = await sentThrough(server, front);
    expect(ip).toBe('203.0.113.9');
    expect(url).toMatch(/^https:\/\/printers\.example:8443\/api\/firmware\/download\/1\.5\.0\?/);
    const summary = await server.request<{ warnings: unknown[] }>('GET', '/api/summary');
    expect(summary.body.warnings).toEqual([]);
  });

  it.each([
    ['one that a client has written', '6.6.6.6, 203.0.113.9', '203.0.113.9'],
    ['behind two trusted ones', '6.6.6.6, 203.0.113.9, 10.0.0.7', '203.0.113.9'],
    ['with a port', '203.0.113.9:4711', '203.0.113.9'],
    ['of IPv6', '2001:db8::9', '2001:db8::9'],
    ['of IPv6 with a port', '[2001:db8::9]:4711', '2001:db8::9'],
    ['that is none', '203.0.113.9, evil', '127.0.0.1'],
    ['that is none, before a trusted one', 'unknown, 10.0.0.7', '10.0.0.7'],
    ['of trusted ones alone', '10.0.0.8, 10.0.0.7', '10.0.0.8'],
    ['of nobody', '', '127.0.0.1'],
  ])(
    'the address of a client is the rightmost that is not trusted: %s',
    async (_what, forwarded, expected) => {
      const server = await start(TRUSTED);
      const headers = { 'x-forwarded-for': forwarded, 'content-type': 'application/json' };
      await fetch(`${server.url}/api/keys`, {
        method: 'POST',
        headers,
        body: '{"name":"x","scopes":["read"]}',
      });
      const audit = await server.request<{ entries: Array<{ address: string }> }>('GET', '/api/audit');
      expect(audit.body.entries[0]!.address).toBe(expected);
      expect(log.of('HTTP').find((line) => line.startsWith('POST'))).toContain(` ms ${expected}`);
    },
  );

  it('nobody else is believed', async () => {
    const server = await start({ AUTH: 'none', TRUSTED_PROXIES: '10.0.0.0/8' });
    await upload(server, '1.5.0');
    await roll(server, '1.5.0');
    const front = await proxy(server, {
      headers: () => ({
        'x-forwarded-for': '203.0.113.9',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'http',
        'x-forwarded-prefix': '/evil',
      }),
    });
    const { url, ip } = await sentThrough(server, front);
    expect(ip).toBe('127.0.0.1');
    expect(new URL(url).host).toBe(new URL(front.url).host);
    expect(new URL(url).pathname).toBe('/api/firmware/download/1.5.0');
  });

  it('limits count clients, not the proxy', async () => {
    const server = await start({
      ...TRUSTED,
      MAX_REQUESTS_PER_SECOND: '2',
      MAX_CONNECTIONS_PER_ADDRESS: '2',
      UNLIMITED_ADDRESSES: 'none',
    });
    const from = async (address: string): Promise<number> =>
      (await fetch(`${server.url}/api/firmware`, { headers: { 'x-forwarded-for': address } })).status;
    const many = await Promise.all(Array.from({ length: 6 }, () => from('203.0.113.1')));
    expect(many).toContain(429);
    expect(await from('203.0.113.2')).toBe(200);
    let client = '203.0.113.1';
    const front = await proxy(server, { headers: () => ({ 'x-forwarded-for': client }) });
    const open = [await RawSocket.open(front), await RawSocket.open(front)];
    expect(await RawSocket.tryOpen(front)).toBe(503);
    client = '203.0.113.2';
    expect(await RawSocket.tryOpen(front)).toBe(101);
    for (const one of open) one.socket.close();
    client = '203.0.113.1';
    await eventually('there is room again', async () => (await RawSocket.tryOpen(front)) === 101);
  });

  it.each([
    ['IPv6', '[2001:db8::1]:8000', 'http://[2001:db8::1]:8000'],
    ['a name with _', 'print_server:8000', 'http://print_server:8000'],
  ])('or without one, the address of an update is that of the printer: %s', async (_what, host, expected) => {
    const server = await start({ AUTH: 'none' });
    await upload(server, '1.5.0');
    await roll(server, '1.5.0');
    expect(await sentTo(server, host)).toMatch(new RegExp(`^${expected.replace(/[[\]]/g, '\\$&')}/api/`));
    expect(log.of('Forwarding')).toEqual([]);
  });

  it('a Host that cannot stand in a URL is not replaced without a word', async () => {
    const server = await start({ AUTH: 'none' });
    await upload(server, '1.5.0');
    await roll(server, '1.5.0');
    for (const host of ['a b', 'printers.example:99999', '[::g]'])
      expect(await sentTo(server, host)).toMatch(new RegExp(`^${server.url}/api/`));
    expect(log.of('Forwarding')).toEqual([expect.stringContaining('"a b", which cannot stand in a URL')]);
    const { body } = await server.request<{ warnings: unknown[] }>('GET', '/api/summary');
    expect(body.warnings).toEqual([{ code: 'unusable_address', message: expect.stringContaining('"a b"') }]);
  });

  /** The URL that a printer is sent that has connected with this Host. */
  async function sentTo(server: TestServer, host: string): Promise<string> {
    const connection = await RawConnection.open(server);
    ends.push(async () => connection.destroy());
    connection.send(
      `GET /ws/${randomUUID()} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await eventually('the greeting', () => connection.text.includes('connected'));
    connection.send(frame(OPCODE.text, JSON.stringify(subscribeMessage())));
    return eventually('the update', () => /"url":"([^"]+)"/.exec(connection.text)?.[1] ?? '');
  }

  it('that speaks HTTPS, the operator is told once that the server does not know', async () => {
    const server = await start({ AUTH: 'none' });
    const front = await proxy(server, { headers: forwardedFor('203.0.113.9') });
    for (const path of ['/health/live', '/', '/api/firmware']) await fetch(front.url + path);
    await (await connected({ ...server, url: front.url } as TestServer)).stop();
    expect(log.of('Forwarding')).toEqual([expect.stringContaining('BASE_URL')]);
    const { body } = await server.request<{ warnings: unknown[] }>('GET', '/api/summary');
    expect(body.warnings).toEqual([
      { code: 'https_proxy_unknown', message: expect.stringContaining('TRUSTED_PROXIES') },
    ]);
    for (const settings of [TRUSTED, { AUTH: 'none', BASE_URL: 'https://printers.example' }]) {
      log.lines.length = 0;
      const told = await start(settings);
      await fetch((await proxy(told, { headers: forwardedFor('203.0.113.9') })).url);
      expect(log.of('Forwarding')).toEqual([]);
    }
  });

  describe.each([
    ['takes it off and says so', { strips: true }, TRUSTED],
    ['takes it off, with BASE_URL', { strips: true }, { AUTH: 'none', BASE_URL: 'PROXY' }],
    ['leaves it on, with BASE_URL', { strips: false }, { AUTH: 'none', BASE_URL: 'PROXY' }],
  ])('the server lives below a path: one that %s', (_how, { strips }, settings: Record<string, string>) => {
    it('has its pages, its explorer, its document and its downloads there', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'paperminder-console-'));
      ends.push(() => rm(folder, { recursive: true }));
      await mkdir(join(folder, 'assets'));
      await writeFile(join(folder, 'assets/x.js'), 'console.log(1)');
      await writeFile(join(folder, 'index.html'), '<script type="module" src="./assets/x.js"></script>');
      // The address of the proxy is known once it runs, and it must know that of the server.
      const early = await TestServer.start();
      const reserved = await Proxy.start(early.url, { path: '/paper/minder' });
      await early.stop();
      const { url } = reserved;
      await reserved.stop();
      const known = settings.BASE_URL === undefined ? settings : { ...settings, BASE_URL: url };
      const server = await start(known, folder);
      const headers =
        settings.BASE_URL === undefined
          ? (client: Parameters<ReturnType<typeof forwardedFor>>[0]) => ({
              ...forwardedFor('203.0.113.9', 'http')(client),
              'x-forwarded-prefix': '/paper/minder/',
            })
          : undefined;
      const front = await Proxy.start(server.url, {
        path: '/paper/minder',
        strips,
        port: Number(new URL(url).port),
        ...(headers ? { headers } : {}),
      });
      ends.push(() => front.stop());
      expect(front.url).toBe(url);

      for (const path of [
        '/',
        '/printers',
        '/printers/',
        '/printers/42',
        '/rollouts/new',
        '/nope/and/more',
      ]) {
        const page = await fetch(url + path, { headers: { accept: 'text/html' } });
        const [, source = ''] = /src="([^"]+)"/.exec(await page.text()) ?? [];
        const script = new URL(source, url + path);
        expect([path, script.href]).toEqual([path, `${url}/assets/x.js`]);
        expect((await fetch(script)).status).toBe(200);
      }
      for (const path of ['/docs', '/docs/']) {
        const page = await (await fetch(url + path)).text();
        for (const [, source = ''] of page.matchAll(/(?:src|href)="([^"]+)"/g))
          expect([source, (await fetch(new URL(source, url + path))).status]).toEqual([source, 200]);
      }
      const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenAPIObject;
      const servers = document.servers!.map((one) =>
        new URL(one.url, `${url}/openapi.json`).href.replace(/\/$/, ''),
      );
      expect(servers).toEqual([url]);
      const bare = await fetch(url, { redirect: 'manual' });
      if (bare.status === 308) expect(new URL(bare.headers.get('location')!, url).href).toBe(`${url}/`);
      else expect(strips).toBe(true);

      const image = binary();
      const below = { url, request: server.request.bind(server) };
      await upload(below, '1.5.0', {}, image);
      await roll(below, '1.5.0');
      const board = await connected({ ...below, url }, { behaviour: 'hang' });
      ends.push(() => board.stop());
      await eventually('the update', () => board.orders.length > 0);
      expect(board.orders[0]!.url.startsWith(`${url}/api/firmware/download/1.5.0?`)).toBe(true);
      const downloaded = await fetch(board.orders[0]!.url);
      expect(Buffer.from(await downloaded.arrayBuffer()).equals(image)).toBe(true);
    });
  });
});
