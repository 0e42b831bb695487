import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import type { NewKeyResponse } from '../src/access/api-key.dto.js';
import type { FirmwareResponse } from '../src/firmware/firmware-response.dto.js';
import { Downloads } from '../src/firmware/download/downloads.js';
import { DownloadTokens } from '../src/firmware/download/download-tokens.js';
import { UpdateLimits } from '../src/rollout/updates/update-limits.js';
import { eventually } from './support/eventually.js';
import { binary, connected, counts, expectStatus, roll, upload } from './support/factories.js';
import { propertyRuns } from './support/property-runs.js';
import { RawConnection } from './support/raw-connection.js';
import { TestServer } from './support/server.js';

const IMAGE = binary(3_000);
const PRINTER = 7;
const BASE = { version: '1.5.0', method: 'GET', protocol: '1.0' };

interface Download {
  version: string;
  query: string;
  method: string;
  protocol: string;
  headers: readonly string[];
}

/** Sends a request on a connection of its own, and waits for all that comes. */
async function exchange(server: TestServer, target: string, download: Download): Promise<string> {
  const { method, protocol, headers } = download;
  const connection = await RawConnection.open(server);
  const lines = [`${method} ${target} HTTP/${protocol}`, 'Host: x', ...headers, 'Connection: close', '', ''];
  connection.send(lines.join('\r\n'));
  await eventually('the end of the answer', () => connection.closed);
  connection.destroy();
  return connection.text.replace(/^Date: .*\r\n/m, '');
}

/** The way of almost every download. */
function directly(server: TestServer, download: Download): Promise<string> {
  return exchange(server, `/api/firmware/download/${download.version}${download.query}`, download);
}

/** The same download through Express: the path is spelled so that it must be decoded. */
function throughExpress(server: TestServer, download: Download): Promise<string> {
  const version = `%${download.version.charCodeAt(0).toString(16)}${download.version.slice(1)}`;
  return exchange(server, `/api/firmware/download/${version}${download.query}`, download);
}

async function claim(server: TestServer): Promise<Record<string, string>> {
  const token = readFileSync(join(server.folder, 'claim-token'), 'utf8').trim();
  const made = await server.request<NewKeyResponse>('POST', '/api/keys/claim', { token, name: 'Ada' });
  return { authorization: `Bearer ${expectStatus(made, 201).key}` };
}

/** Query parameters as a printer is sent them. */
function query(server: TestServer, sha256: string, version = '1.5.0'): string {
  const token = server.get(DownloadTokens).issue(version, PRINTER);
  return `?sha256=${sha256.slice(0, 16)}&printer=${PRINTER}&token=${token}`;
}

/** Calls back, and returns how many of the requests meanwhile were answered by the route. */
async function answeredByRoute(server: TestServer, work: () => Promise<unknown>): Promise<number> {
  const send = jest.spyOn(server.get(Downloads), 'send');
  try {
    await work();
    return send.mock.calls.length;
  } finally {
    send.mockRestore();
  }
}

const SETTINGS: Array<[string, Record<string, string>, boolean]> = [
  ['with keys in force', {}, true],
  ['that has no key yet', {}, false],
  ['with AUTH=none', { AUTH: 'none' }, false],
  ['that allows some origins', { CORS_ALLOWED_ORIGINS: 'https://a.example,https://b.example' }, true],
  ['below a path', { BASE_URL: 'https://example.org/pm' }, true],
];

describe.each(SETTINGS)('A server %s', (_name, settings, claimed) => {
  let server: TestServer;
  let built: FirmwareResponse;
  let admin: Record<string, string> = {};

  beforeAll(async () => {
    server = await TestServer.start(settings);
    built = await upload(server, '1.5.0', {}, IMAGE);
    await upload(server, '1.5.0', { channel: 'beta', platform: 'esp32' });
    if (claimed) admin = await claim(server);
    await throughExpress(server, { ...BASE, query: query(server, built.sha256_checksum), headers: [] });
  });
  afterAll(() => server.stop());

  it.each([
    ['1.0', '', []],
    ['1.0', '', ['x-ESP8266-version: 1.4.0', `x-ESP8266-sketch-md5: ${'0'.repeat(32)}`]],
    ['1.1', '', []],
    ['1.1', '', ['Range: bytes=10-19']],
    ['1.1', '&channel=stable&platform=any', ['If-None-Match: "other"']],
  ])(
    'answers HTTP/%s, "%s" and %j alike from memory and through the route',
    async (protocol, more, headers) => {
      const download = {
        ...BASE,
        protocol,
        query: query(server, built.sha256_checksum) + more,
        headers,
      };
      const slow = await throughExpress(server, download);
      let fast = '';
      expect(await answeredByRoute(server, async () => (fast = await directly(server, download)))).toBe(0);
      expect(fast).toBe(slow);
      expect(fast).toMatch(
        headers.some((one) => one.startsWith('Range')) ? /^HTTP\/1.1 206 / : /^HTTP\/1.1 200 /,
      );
      expect(fast).toContain(`x-MD5: ${built.md5_checksum}\r\n`);
    },
  );

  it('answers the absolute form from memory, too', async () => {
    const path = `/api/firmware/download/1.5.0${query(server, built.sha256_checksum)}`;
    const download = { ...BASE, query: '', headers: [] };
    const target = `http://printers.example${settings.BASE_URL === undefined ? '' : '/pm'}${path}`;
    expect(
      await answeredByRoute(server, async () =>
        expect(await exchange(server, target, download)).toBe(await exchange(server, path, download)),
      ),
    ).toBe(0);
  });

  it('answers every other request alike, however it is spelled', async () => {
    const { sha256_checksum: sha256, md5_checksum: md5 } = built;
    const other = server.get(DownloadTokens).issue('1.5.0', PRINTER + 1);
    const token = server.get(DownloadTokens).issue('1.5.0', PRINTER);
    const etag = `"${sha256}"`;
    const header = fc.constantFrom(
      ...['Range: bytes=0-9', 'Range: bytes=-5', 'Range: bytes=9999-', 'Range: bytes=0-1,3-4'],
      ...[`If-None-Match: ${etag}`, `If-None-Match: W/${etag}`, 'If-None-Match: *', 'If-None-Match: "x"'],
      ...[`If-Match: ${etag}`, 'If-Match: "x"', `If-Range: ${etag}`, 'If-Range: "x"'],
      ...['x-ESP8266-version: 1.5.0', 'x-ESP32-version: 1.4.0', `x-ESP8266-sketch-md5: ${md5}`],
      ...[`x-ESP32-sketch-sha256: ${sha256}`, 'Origin: https://a.example', 'Origin: https://evil.example'],
      ...['Authorization: Bearer nonsense', `X-API-Key: ${(admin.authorization ?? 'x').slice(7)}`],
      ...['Content-Length: 0', 'Accept-Encoding: gzip', 'Upgrade: h2c', 'x-forwarded-proto: https'],
    );
    const parameter = fc.constantFrom(
      ...[
        'channel=stable',
        'channel=beta',
        'channel=x',
        'platform=any',
        'platform=ESP32',
        'platform=esp8266',
      ],
      ...[`sha256=${sha256.slice(0, 16)}`, `sha256=${sha256.toUpperCase()}`, 'sha256=0123', 'unknown=1'],
      ...[`printer=${PRINTER}`, `printer=${PRINTER + 1}`, 'printer=x', `printer=0${PRINTER}`],
      ...[`token=${token}`, `token=${token}`, `token=${other}`, 'token=', 'token=%', `%74oken=${token}`],
      ...['', '__proto__=1', `sha256%3D=${sha256}`, 'token', '#'],
    );
    const usual = fc.constant([`sha256=${sha256.slice(0, 16)}`, `printer=${PRINTER}`, `token=${token}`]);
    const request = fc.record({
      version: fc.constantFrom('1.5.0', '1.5.0', '1.5.0', '1.5', 'v1.5.0', '1.6.0', '1.x', '01.5.0'),
      protocol: fc.constantFrom('1.0', '1.1'),
      method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'OPTIONS'),
      headers: fc.uniqueArray(header, { maxLength: 3, selector: (line) => line.split(':', 1)[0] }),
      query: fc
        .oneof({ weight: 3, arbitrary: usual }, fc.constant([]))
        .chain((known) => fc.array(parameter, { maxLength: 3 }).map((more) => [...known, ...more]))
        .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }))
        .map((all) => (all.length === 0 ? '' : `?${all.join('&')}`)),
    });
    await fc.assert(
      fc.asyncProperty(request, async (download) => {
        expect(await directly(server, download)).toBe(await throughExpress(server, download));
      }),
      { numRuns: propertyRuns(60, 500) },
    );
  }, 240_000);
});

describe('A download from memory', () => {
  const lines: string[] = [];
  let server: TestServer;
  let admin: Record<string, string>;
  let built: FirmwareResponse;

  beforeAll(async () => {
    const log = (message: unknown): unknown => lines.push(String(message));
    server = await TestServer.start({}, { log, warn: () => undefined, error: () => undefined });
    built = await upload(server, '1.5.0', {}, IMAGE);
    admin = await claim(server);
  });
  afterAll(() => server.stop());
  afterEach(() => void lines.splice(0));

  const download = async (address: string): Promise<string> =>
    directly(server, { ...BASE, query: address, headers: [] });

  async function count(): Promise<number> {
    const answer = await server.request<FirmwareResponse>('GET', '/api/firmware/1.5.0', undefined, admin);
    return expectStatus(answer, 200).download_count;
  }

  it('is logged without its token, measured under its route, and counted', async () => {
    const address = query(server, built.sha256_checksum);
    await download(address);
    const before = await eventually('the first count', count, (found) => found > 0);
    lines.splice(0);
    expect(await answeredByRoute(server, () => download(address))).toBe(0);
    await eventually('the count', count, (found) => found === before + 1);
    const line = lines.find((one) => one.includes('/download/'));
    expect(line).toMatch(/^GET \/api\/firmware\/download\/1\.5\.0\?.*&token=\.\.\. 200 \d+ ms 127\.0\.0\.1$/);
    const metrics = await fetch(`${server.url}/metrics`, { headers: admin });
    expect(await metrics.text()).toMatch(
      /http_request_duration_seconds_count\{method="GET",route="\/api\/firmware\/download\/:version",status="200"\} 2\n/,
    );
  });

  it('ends when its token expires, and when another token is asked for', async () => {
    const address = query(server, built.sha256_checksum);
    expect(await download(address)).toMatch(/^HTTP\/1.1 200 /);
    expect(await download(address.replace(`printer=${PRINTER}`, 'printer=8'))).toMatch(/^HTTP\/1.1 401 /);
    server.clock.advance(61 * 60_000);
    expect(await download(address)).toMatch(/^HTTP\/1.1 401 /);
  });

  it('follows every change to firmware at once', async () => {
    const send = (method: string, path: string, body?: object | FormData): Promise<{ status: number }> =>
      server.request(method, path, body, admin);
    const form = new FormData();
    form.set('file', new Blob([IMAGE]), 'firmware.bin');
    form.set('version', '1.7.0');
    expect((await send('POST', '/api/firmware/upload', form)).status).toBe(201);
    const token = server.get(DownloadTokens).issue('1.7.0', PRINTER);
    const one = { ...BASE, version: '1.7.0', query: `?printer=${PRINTER}&token=${token}`, headers: [] };
    expect(await directly(server, one)).toMatch(/^HTTP\/1.1 200 /);
    expect(await answeredByRoute(server, () => directly(server, one))).toBe(0);
    expect((await send('DELETE', '/api/firmware/1.7.0')).status).toBe(204);
    expect(await directly(server, one)).toMatch(/^HTTP\/1.1 404 /);
    const second = binary(400);
    form.set('file', new Blob([second]), 'firmware.bin');
    expect((await send('POST', '/api/firmware/upload', form)).status).toBe(201);
    expect(await directly(server, one)).toContain(Buffer.from(second).toString('latin1'));
  });
});

describe('The start of a download', () => {
  it.each([
    ['is a sign of life if the update message is minutes old', 20, true],
    ['is none right after the message, which was one itself', 0, false],
  ])('%s', async (_name, minutes, isAlive) => {
    const server = await TestServer.start();
    await upload(server, '1.5.0');
    const board = await connected(server, { behaviour: 'hang' });
    const { id } = await roll(server, '1.5.0');
    await eventually('the update', () => board.orders.length === 1);
    const url = board.orders[0]!.url;
    server.clock.advance(minutes * 60_000);
    expect((await fetch(url)).status).toBe(200);
    // Long enough for the sign of life to be written.
    await new Promise((resolve) => setTimeout(resolve, 100));
    server.clock.advance((minutes === 0 ? 30 : 20) * 60_000);
    await server.get(UpdateLimits).check();
    expect(await counts(server, id)).toEqual(isAlive ? [0, 1, 0, 0, 0] : [0, 0, 0, 1, 0]);
    await board.stop();
    await server.stop();
  });
});
