import { createHash } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import type { FirmwareResponse } from '../src/firmware/firmware-response.dto.js';
import { eventually } from './support/eventually.js';
import { binary, connected, expectStatus, roll, upload, uploadForm } from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { LogLines } from './support/log-lines.js';
import { TestServer } from './support/server.js';
import { itOnSqlite } from './support/test-database.js';

const MIB = 1024 * 1024;

describe('Firmware', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  async function tryUpload(form: FormData): Promise<{ status: number; body: ProblemBody }> {
    return server.request<ProblemBody>('POST', '/api/firmware/upload', form);
  }

  async function get(path: string): Promise<FirmwareResponse> {
    return expectStatus(await server.request<FirmwareResponse>('GET', `/api/firmware/${path}`), 200);
  }

  async function leftOvers(): Promise<string[]> {
    return readdir(join(server.uploads, 'incoming'));
  }

  /** Waits for the count: it is written when the answer has ended, which the client may see first. */
  async function downloads(path: string, count: number): Promise<void> {
    await eventually(
      `${count} downloads`,
      async () => (await get(path)).download_count,
      (seen) => seen === count,
    );
  }

  /** The count, once the downloads of the test before are in it. */
  async function settledCount(path: string): Promise<number> {
    let last = -1;
    return eventually(
      'no download is being counted',
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        const seen = (await get(path)).download_count;
        const settled = seen === last;
        last = seen;
        return settled ? seen : null;
      },
      (seen) => seen !== null,
    ) as Promise<number>;
  }

  describe('upload', () => {
    it('answers every field that the guide shows', async () => {
      const bytes = binary(5_000);
      const form = uploadForm(
        {
          version: 'v1.5',
          channel: 'stable',
          release_notes: 'Fixed critical security issues',
          changelog: '- one\\n- two',
          mandatory: 'false',
          min_upgrade_version: '1.0',
        },
        bytes,
      );
      const answer = await server.request<FirmwareResponse>('POST', '/api/firmware/upload', form);
      const md5 = createHash('md5').update(bytes).digest('hex');
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      expect(answer.status).toBe(201);
      expect(answer.body).toEqual({
        id: expect.any(Number),
        version: '1.5.0',
        channel: 'stable',
        platform: null,
        file_size: 5_000,
        md5_checksum: md5,
        sha256_checksum: sha256,
        signature: null,
        signing_key_fingerprint: null,
        release_notes: 'Fixed critical security issues',
        changelog: '- one\\n- two',
        mandatory: false,
        min_upgrade_version: '1.0.0',
        released_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        deprecated_at: null,
        damaged: false,
        warnings: [],
        download_count: 0,
        success_count: 0,
        failure_count: 0,
      });
      expect(await readFile(join(server.uploads, sha256))).toEqual(Buffer.from(bytes));
    });

    it.each([
      ['True', true],
      ['False', false],
      ['true', true],
      ['1', true],
      ['0', false],
      ['', false],
    ])('reads mandatory=%j as %s, as Python and forms write it', async (text, mandatory) => {
      const { id } = await upload(server, '1.6.0', { mandatory: text });
      expect(await get('1.6.0')).toMatchObject({ id, mandatory });
      await server.request('DELETE', '/api/firmware/1.6.0');
    });

    it.each([
      ['version', 'not-a-version'],
      ['version', '1.5.0+build'],
      ['version', '01.5.0'],
      ['channel', 'nightly'],
      ['mandatory', 'perhaps'],
      ['min_upgrade_version', '1.x'],
      ['min_upgrade_version', '9.9.10'],
      ['platform', '../esp'],
      ['colour', 'red'],
    ])('refuses %s=%s, names both, and keeps nothing', async (field, value) => {
      const { status, body } = await tryUpload(uploadForm({ version: '9.9.9', [field]: value }));
      expect(status).toBe(400);
      expect(body.errors).toEqual([expect.objectContaining({ field, value })]);
      expect(body.detail).toContain(field);
      await eventually('nothing is left behind', leftOvers, (names) => names.length === 0);
      expect((await server.request('GET', '/api/firmware/9.9.9')).status).toBe(404);
    });

    it('refuses a form without a version, without a file, and with an empty file', async () => {
      const noVersion = await tryUpload(uploadForm({}));
      expect(noVersion.status).toBe(400);
      expect(noVersion.body.errors?.[0]?.field).toBe('version');
      const form = new FormData();
      form.set('version', '9.9.8');
      const noFile = await tryUpload(form);
      expect(noFile.status).toBe(400);
      expect(noFile.body.errors).toEqual([{ field: 'file', value: null, message: 'file must be a file' }]);
      const empty = await tryUpload(uploadForm({ version: '9.9.8' }, new Uint8Array()));
      expect(empty.status).toBe(400);
      expect(empty.body.errors?.[0]).toMatchObject({ field: 'file', message: 'file must not be empty' });
      await eventually('nothing is left behind', leftOvers, (names) => names.length === 0);
    });

    it('takes exactly 5 MiB, and refuses one byte more as "File too large"', async () => {
      const exact = await upload(server, '5.0.0', {}, binary(5 * MIB));
      expect(exact.file_size).toBe(5 * MIB);
      const { status, body } = await tryUpload(uploadForm({ version: '5.0.1' }, binary(5 * MIB + 1)));
      expect(status).toBe(413);
      expect(body).toMatchObject({
        title: 'Payload Too Large',
        status: 413,
        detail: 'File too large: at most 5242880 bytes (MAX_FIRMWARE_SIZE)',
      });
      await eventually('the temporary file is gone', leftOvers, (names) => names.length === 0);
    });

    it('keeps nothing of an upload that breaks off', async () => {
      const { port } = new URL(server.url);
      const socket = connect(Number(port), '127.0.0.1');
      const head =
        'POST /api/firmware/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n' +
        'Content-Type: multipart/form-data; boundary=b\r\n\r\n' +
        '--b\r\nContent-Disposition: form-data; name="file"; filename="x.bin"\r\n\r\n';
      socket.write(head + 'x'.repeat(20_000));
      await eventually('the upload has begun', leftOvers, (names) => names.length === 1);
      socket.destroy();
      await eventually('nothing is left behind', leftOvers, (names) => names.length === 0);
    });

    it('accepts one of two uploads of the same version at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => tryUpload(uploadForm({ version: '6.0.0' }, binary(100_000)))),
      );
      expect(answers.map((answer) => answer.status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
      const { sha256_checksum } = await get('6.0.0');
      const files = await server.uploaded();
      expect(files).toContain(sha256_checksum);
      const hashes = (await server.request<FirmwareResponse[]>('GET', '/api/firmware')).body.map(
        (row) => row.sha256_checksum,
      );
      expect(new Set(files)).toEqual(new Set([...hashes, 'incoming']));
    });

    it('takes the same bytes in another channel, and no others', async () => {
      const bytes = binary();
      await upload(server, '6.1.0', { channel: 'canary' }, bytes);
      await upload(server, '6.1.0', { channel: 'beta' }, bytes);
      const other = await tryUpload(uploadForm({ version: '6.1.0', channel: 'stable' }));
      expect(other.status).toBe(409);
      expect(other.body.detail).toMatch(/^A version names one binary/);
      const again = await tryUpload(uploadForm({ version: 'v6.1', channel: 'beta' }, bytes));
      expect(again.status).toBe(409);
      expect(again.body.detail).toBe('Firmware version already exists: 6.1.0 in beta for every board');
    });

    it('keeps one build for each platform', async () => {
      await upload(server, '6.2.0', { platform: 'ESP8266' });
      await upload(server, '6.2.0', { platform: 'esp32' });
      await upload(server, '6.2.0');
      expect((await get('6.2.0')).platform).toBeNull();
      expect((await get('6.2.0?platform=esp32')).platform).toBe('esp32');
      expect((await server.request('DELETE', '/api/firmware/6.2.0?platform=any')).status).toBe(204);
      expect((await get('6.2.0')).platform).toBe('esp32');
      const missing = await server.request<ProblemBody>('GET', '/api/firmware/6.2.0?platform=esp32-s3');
      expect(missing.status).toBe(404);
      expect(missing.body.detail).toBe('Firmware version not found: 6.2.0 for esp32-s3');
    });
  });

  describe('look-up', () => {
    it('finds the latest by precedence, not by the time of its upload', async () => {
      await upload(server, '2.10.0', { channel: 'beta' });
      await upload(server, '2.9.0', { channel: 'beta' });
      await upload(server, '2.11.0-rc.1', { channel: 'beta' });
      await upload(server, '2.12.0', { channel: 'beta' });
      await server.request('PATCH', '/api/firmware/2.12.0', { deprecated: true });
      // 6.1.0 is in beta, too, from the tests above or not: take it out of the way.
      for (const row of (await server.request<FirmwareResponse[]>('GET', '/api/firmware?channel=beta'))
        .body) {
        if (!row.version.startsWith('2.'))
          await server.request('DELETE', `/api/firmware/${row.version}?channel=beta`);
      }
      expect((await get('latest?channel=beta')).version).toBe('2.11.0-rc.1');
    });

    it('says so if a channel is empty', async () => {
      const alone = await TestServer.start();
      const answer = await alone.request<ProblemBody>('GET', '/api/firmware/latest');
      expect([answer.status, answer.body.detail]).toEqual([404, 'No firmware in channel stable']);
      expect((await alone.request('GET', '/api/firmware')).body).toEqual([]);
      await alone.stop();
    });

    it('lists the highest version first, and filters by channel', async () => {
      const all = (await server.request<FirmwareResponse[]>('GET', '/api/firmware')).body;
      const beta = (await server.request<FirmwareResponse[]>('GET', '/api/firmware?channel=beta')).body;
      expect(all.length).toBeGreaterThan(beta.length);
      expect(beta.map((row) => row.version)).toEqual(['2.12.0', '2.11.0-rc.1', '2.10.0', '2.9.0']);
    });

    it.each([
      '/api/firmware?chanel=beta',
      '/api/firmware/latest?channel=beta&channel=stable',
      '/api/firmware?channel=',
    ])('refuses %s: a typo never means "no filter"', async (path) => {
      expect((await server.request('GET', path)).status).toBe(400);
    });

    it('prefers the most stable channel', async () => {
      const bytes = binary();
      await upload(server, '2.20.0', { channel: 'canary', release_notes: 'canary' }, bytes);
      await upload(server, '2.20.0', { channel: 'beta', release_notes: 'beta' }, bytes);
      expect((await get('2.20.0')).channel).toBe('beta');
      expect((await get('2.20.0?channel=canary')).release_notes).toBe('canary');
    });
  });

  describe('change and delete', () => {
    it('changes every row of a version, or those of a channel', async () => {
      const bytes = binary();
      await upload(server, '2.21.0', { channel: 'beta' }, bytes);
      await upload(server, '2.21.0', { channel: 'canary' }, bytes);
      const change = { release_notes: 'new', changelog: null, mandatory: true, deprecated: true };
      const one = await server.request<FirmwareResponse>(
        'PATCH',
        '/api/firmware/2.21.0?channel=canary',
        change,
      );
      expect(one.body).toMatchObject({ channel: 'canary', release_notes: 'new', mandatory: true });
      expect(one.body.deprecated_at).not.toBeNull();
      expect((await get('2.21.0')).deprecated_at).toBeNull();
      await server.request('PATCH', '/api/firmware/2.21.0', { deprecated: true });
      expect((await get('2.21.0')).deprecated_at).not.toBeNull();
      expect((await get('2.21.0?channel=canary')).deprecated_at).toBe(one.body.deprecated_at);
      await server.request('PATCH', '/api/firmware/2.21.0', { deprecated: false });
      expect((await get('2.21.0?channel=canary')).deprecated_at).toBeNull();
    });

    it.each([{}, { deprecated: 'yes' }, { version: '3.0.0' }, { mandatory: null, deprecated: null }])(
      'refuses the change %j',
      async (change) => {
        expect((await server.request('PATCH', '/api/firmware/2.9.0', change)).status).toBe(400);
      },
    );

    it('deletes the binary with the last row that needs it', async () => {
      const bytes = binary();
      const { sha256_checksum } = await upload(server, '2.22.0', { channel: 'beta' }, bytes);
      await upload(server, '2.22.0', { channel: 'stable' }, bytes);
      await upload(server, '2.22.1', { channel: 'stable' }, bytes);
      expect((await server.request('DELETE', '/api/firmware/2.22.0?channel=beta')).status).toBe(204);
      expect((await server.request('DELETE', '/api/firmware/2.22.0')).status).toBe(204);
      expect(await readdir(server.uploads)).toContain(sha256_checksum);
      expect((await server.request('DELETE', '/api/firmware/2.22.1')).status).toBe(204);
      expect(await readdir(server.uploads)).not.toContain(sha256_checksum);
      expect((await server.request('DELETE', '/api/firmware/2.22.1')).status).toBe(404);
    });

    it('does not delete what a rollout needs, and names the rollouts', async () => {
      const bytes = binary();
      await upload(server, '2.23.0', { channel: 'stable' }, bytes);
      await upload(server, '2.23.0', { channel: 'beta' }, bytes);
      const active = await roll(server, '2.23.0', { target: { channels: ['stable'] } });
      const paused = await roll(server, '2.23.0', { target: { channels: ['stable'] } });
      await server.request('PATCH', `/api/rollouts/${paused.id}`, { status: 'paused' });
      const answer = await server.request<ProblemBody>('DELETE', '/api/firmware/2.23.0');
      expect(answer.status).toBe(409);
      expect(answer.body.detail).toBe(
        `Firmware 2.23.0 is in use by rollout ${active.id} (active), rollout ${paused.id} (paused)`,
      );
      // The rollouts go to stable, and take the stable row: nobody needs the one in beta.
      expect((await server.request('DELETE', '/api/firmware/2.23.0?channel=beta')).status).toBe(204);
      for (const { id } of [active, paused]) await server.request('DELETE', `/api/rollouts/${id}`);
      expect((await server.request('DELETE', '/api/firmware/2.23.0')).status).toBe(204);
    });
  });

  describe('download', () => {
    it('that breaks off is not counted, whether the image was in memory or not', async () => {
      const log = new LogLines();
      const size = 24 * MIB;
      const large = await TestServer.start({ MAX_FIRMWARE_SIZE: String(size) }, log);
      await upload(large, '1.0.0', {}, binary(size));
      const path = '/api/firmware/download/1.0.0';
      for (const broken of [1, 2]) {
        const socket = connect(Number(new URL(large.url).port), '127.0.0.1');
        socket.write(`GET ${path} HTTP/1.0\r\n\r\n`);
        await eventually('its begin', () => socket.readableLength > 0);
        socket.destroy();
        await eventually(
          'the line that it is aborted',
          () => log.of('HTTP').filter((line) => line.startsWith(`GET ${path} 200 aborted`)).length,
          (lines) => lines === broken,
        );
      }
      expect((await (await fetch(large.url + path)).arrayBuffer()).byteLength).toBe(size);
      const counted = async (): Promise<number> =>
        (await large.request<FirmwareResponse>('GET', '/api/firmware/1.0.0')).body.download_count;
      await eventually('the whole one is counted', async () => (await counted()) > 0);
      expect(await counted()).toBe(1);
      await large.stop();
    });

    const bytes = binary(10_000);
    let path: string;
    let row: FirmwareResponse;

    beforeAll(async () => {
      row = await upload(server, '7.0.0', {}, bytes);
      path = '/api/firmware/download/7.0.0';
    });

    it('has the headers that boards and browsers need', async () => {
      const response = await fetch(server.url + path);
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-length': '10000',
        'content-type': 'application/octet-stream',
        'content-disposition': 'attachment; filename="paperminder-7.0.0.bin"',
        etag: `"${row.sha256_checksum}"`,
        'x-md5': row.md5_checksum,
        'repr-digest': `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`,
        'accept-ranges': 'bytes',
      });
      expect(response.headers.get('content-encoding')).toBeNull();
      expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from(bytes));
      await downloads('7.0.0', 1);
    });

    itOnSqlite('is served while the database cannot be written', async () => {
      await settledCount('7.0.0');
      const database = new SqliteDatabase(join(server.folder, 'paperminder.db'));
      database.exec('BEGIN IMMEDIATE');
      try {
        const board = { 'x-ESP8266-sketch-md5': '5d41402abc4b2a76b9719d911017c592' };
        expect((await fetch(`${server.url}${path}?printer=4711`, { headers: board })).status).toBe(200);
      } finally {
        database.close();
      }
    });

    it('answers alike from the disk and from memory, and says what is wrong with a request', async () => {
      await settledCount('7.0.0');
      const first = await fetch(server.url + path);
      const second = await fetch(server.url + path, { headers: { origin: server.url } });
      const told = (response: Response): Array<[string, string]> =>
        [...response.headers].filter(([name]) => !/^(?:access-control|date|vary)/.test(name)).sort();
      const own = new Set(told(first).map(([name]) => name));
      expect(told(second)).toEqual(told(first));
      expect([...own]).toEqual(
        expect.arrayContaining(['content-length', 'etag', 'x-md5', 'repr-digest', 'content-disposition']),
      );
      expect(await first.arrayBuffer()).toEqual(await second.arrayBuffer());
      expect((await server.request('GET', `${path}?chanel=beta`)).status).toBe(400);
      expect((await server.request('GET', `${path}?platform=esp8266&platform=esp32`)).status).toBe(400);
      expect((await server.request('GET', `${path}?printer=x`)).status).toBe(400);
    });

    it('ignores a range that HEAD asks for', async () => {
      const answer = await server.request('HEAD', path, undefined, { range: 'bytes=0-9' });
      expect([answer.status, answer.headers.get('content-range')]).toEqual([200, null]);
    });

    it('refuses a digest that is none, and finds nothing by another one', async () => {
      expect((await server.request('GET', `${path}?sha256=xyz`)).status).toBe(400);
      expect((await server.request('GET', `${path}?sha256=${'0'.repeat(16)}`)).status).toBe(404);
    });

    it('answers HEAD without a body and without counting', async () => {
      const before = await settledCount('7.0.0');
      const answer = await server.request('HEAD', path);
      expect([answer.status, answer.headers.get('content-length'), answer.body]).toEqual([200, '10000', '']);
      expect(await settledCount('7.0.0')).toBe(before);
    });

    it('sets Content-Length for an HTTP/1.0 board, and does not chunk', async () => {
      const { port } = new URL(server.url);
      const text = await new Promise<string>((resolve, reject) => {
        const socket = connect(Number(port), '127.0.0.1');
        const chunks: Buffer[] = [];
        socket.on('data', (chunk: Buffer) => chunks.push(chunk));
        socket.on('error', reject);
        socket.on('end', () => resolve(Buffer.concat(chunks).toString('latin1')));
        socket.write(
          `GET ${path} HTTP/1.0\r\nHost: x\r\nx-ESP8266-version: 6.9.9\r\nConnection: close\r\n\r\n`,
        );
      });
      const [head, ...rest] = text.split('\r\n\r\n');
      expect(head).toMatch(/^HTTP\/1\.1 200 OK/);
      expect(head?.toLowerCase()).toContain('content-length: 10000');
      expect(head?.toLowerCase()).not.toContain('transfer-encoding');
      expect(Buffer.from(rest.join('\r\n\r\n'), 'latin1')).toEqual(Buffer.from(bytes));
    });

    it('counts one download for one that is made of many ranges', async () => {
      const before = await settledCount('7.0.0');
      const parts: Buffer[] = [];
      for (let start = 0; start < bytes.length; start += 4_096) {
        const end = Math.min(start + 4_095, bytes.length - 1);
        const response = await fetch(server.url + path, { headers: { range: `bytes=${start}-${end}` } });
        expect(response.status).toBe(206);
        expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end}/10000`);
        parts.push(Buffer.from(await response.arrayBuffer()));
      }
      expect(Buffer.concat(parts)).toEqual(Buffer.from(bytes));
      await downloads('7.0.0', before + 1);
    });

    it('refuses a range outside the binary with 416 and its length', async () => {
      const answer = await server.request<ProblemBody>('GET', path, undefined, { range: 'bytes=10000-' });
      expect(answer.status).toBe(416);
      expect(answer.headers.get('content-range')).toBe('bytes */10000');
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(answer.headers.get('x-md5')).toBeNull();
    });

    it.each([
      ['a suffix longer than the binary', { range: 'bytes=-10001' }],
      ['a range that ends before it begins', { range: 'bytes=5-2' }],
      ['a range in a unit that is none', { range: 'lines=1-2' }],
      ['a range of another binary', { range: 'bytes=0-9', 'if-range': '"other"' }],
      ['a range under a weak condition', { range: 'bytes=0-9', 'if-range': 'W/"x"' }],
    ])('sends the whole binary for %s', async (_what, headers) => {
      const response = await fetch(server.url + path, { headers });
      expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, 10_000]);
    });

    it('sends a range under a condition that holds, and the last bytes of a suffix', async () => {
      const conditional = await fetch(server.url + path, {
        headers: { range: 'bytes=0-9', 'if-range': `"${row.sha256_checksum}"` },
      });
      expect([conditional.status, (await conditional.arrayBuffer()).byteLength]).toEqual([206, 10]);
      const suffix = await fetch(server.url + path, { headers: { range: 'bytes=-10' } });
      expect(suffix.headers.get('content-range')).toBe('bytes 9990-9999/10000');
      await suffix.arrayBuffer();
    });

    it.each([
      ['If-None-Match', (): string => `"${row.sha256_checksum}"`],
      ['If-None-Match', (): string => `"other", W/"${row.sha256_checksum}"`],
      ['If-None-Match', (): string => '*'],
      ['x-ESP8266-version', (): string => '7.0.0'],
      ['x-ESP8266-version', (): string => 'v7.0'],
      ['x-ESP32-version', (): string => '7.0.0'],
      ['x-ESP8266-sketch-md5', (): string => row.md5_checksum],
      ['x-ESP32-sketch-md5', (): string => row.md5_checksum.toUpperCase()],
      ['x-ESP32-sketch-sha256', (): string => row.sha256_checksum],
    ])('answers 304 where %s says that the client has it', async (header, value) => {
      const before = await settledCount('7.0.0');
      // Beside If-None-Match Node's fetch sends Cache-Control: no-cache.
      expect((await server.request('GET', path, undefined, { [header]: value() })).status).toBe(304);
      expect(await settledCount('7.0.0')).toBe(before);
    });

    it('answers 200 if the board runs something else', async () => {
      const headers = { 'x-ESP8266-version': 'my sketch', 'x-ESP8266-sketch-md5': '0'.repeat(32) };
      expect((await server.request('GET', path, undefined, headers)).status).toBe(200);
    });

    it('answers 404 for what is not there, and 400 for what is no version', async () => {
      const missing = await server.request<ProblemBody>('GET', '/api/firmware/download/7.0.1');
      expect([missing.status, missing.body.detail]).toEqual([404, 'Firmware version not found: 7.0.1']);
      expect((await server.request('GET', '/api/firmware/download/..%2f..%2fetc')).status).toBe(400);
    });

    it.each([
      ['cut short', '7.1.0', 'short'],
      ['changed, and as long as before', '7.1.1', binary(2_000)],
    ])(
      'never serves a binary that was %s on disk, and serves it once it is mended',
      async (_how, version, bytes) => {
        const original = binary(2_000);
        const damaged = await upload(server, version, {}, original);
        const file = join(server.uploads, damaged.sha256_checksum);
        await writeFile(file, bytes);
        const answer = await server.request<ProblemBody>('GET', `/api/firmware/download/${version}`);
        expect(answer.status).toBe(500);
        expect(answer.headers.get('x-md5')).toBeNull();
        await writeFile(file, original);
        const mended = await fetch(`${server.url}/api/firmware/download/${version}`);
        expect(Buffer.from(await mended.arrayBuffer())).toEqual(Buffer.from(original));
      },
    );

    it('of a deprecated version still works, but nobody is offered it', async () => {
      await upload(server, '8.0.0');
      const { id } = await roll(server, '8.0.0', { target: { channels: ['beta'] } });
      await server.request('PATCH', '/api/firmware/8.0.0', { deprecated: true });
      const waiting = await connected(server, { channel: 'beta' });
      expect(waiting.orders).toEqual([]);
      expect((await server.request('GET', '/api/firmware/download/8.0.0')).status).toBe(200);
      const refused = await server.request<ProblemBody>('POST', '/api/rollouts', {
        firmware_version: '8.0.0',
        target: { all: true },
        rollout_type: 'immediate',
      });
      expect(refused.status).toBe(409);
      await server.request('PATCH', '/api/firmware/8.0.0', { deprecated: false });
      await eventually('the printer is offered it again', () => waiting.version === '8.0.0');
      await waiting.stop();
      await server.request('DELETE', `/api/rollouts/${id}`);
    });
  });
});
