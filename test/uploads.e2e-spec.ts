import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FirmwareResponse } from '../src/firmware/firmware-response.dto.js';
import { eventually } from './support/eventually.js';
import { binary, connected, expectStatus, patch, roll, upload, uploadForm } from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { TestServer } from './support/server.js';

/** An image as ESP-IDF builds it: a header that says so, and the SHA-256 of all that comes before at its end. */
function esp32Image(size = 3_000): Uint8Array<ArrayBuffer> {
  const image = binary(size);
  image[23] = 1;
  image.set(createHash('sha256').update(image.subarray(0, -32)).digest(), size - 32);
  return image;
}

const appendedDigest = (image: Uint8Array): string => Buffer.from(image.subarray(-32)).toString('hex');

describe('An upload', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  describe('warns', () => {
    it('of a platform that no printer has', async () => {
      expect((await upload(server, '1.0.0', { platform: 'esp23' })).warnings).toEqual([
        'No printer has the platform esp23',
      ]);
      const fleet = await Promise.all(
        ['esp8266', 'esp32'].map((platform) => connected(server, { platform })),
      );
      expect((await upload(server, '1.0.1', { platform: 'esp23' })).warnings).toEqual([
        'No printer has the platform esp23; printers have esp32, esp8266',
      ]);
      expect((await upload(server, '1.0.1', { platform: 'ESP32' })).warnings).toEqual([]);
      await Promise.all(fleet.map((one) => one.stop()));
    });

    it('of a version below the latest of its channel', async () => {
      await upload(server, '1.2.0', { channel: 'beta' });
      expect((await upload(server, '1.1.9', { channel: 'beta' })).warnings).toEqual([
        'Version 1.1.9 is below 1.2.0, the latest in beta',
      ]);
      expect((await upload(server, '1.2.1', { channel: 'beta' })).warnings).toEqual([]);
    });

    it('of a file that no board takes', async () => {
      const zeros = await upload(server, '1.3.0', {}, binary().fill(0));
      expect(zeros.warnings).toEqual([
        'The file does not begin like an image of an ESP board (0xE9, or 0x1F for gzip)',
      ]);
      const gzip = await upload(server, '1.3.1', { platform: 'esp32' }, binary().fill(0x1f));
      expect(gzip.warnings).toEqual([
        'The file is a gzip image, which only an ESP8266 can take, and the build is for esp32',
      ]);
    });

    it('of rollouts that send it, or do not, although they were created before', async () => {
      await upload(server, '1.4.0', { platform: 'esp32' });
      const one = await roll(server, '1.4.0', { target: { channels: ['canary'] } });
      expect((await upload(server, '1.4.0')).warnings).toEqual([
        `This build is sent to boards that it had no build for by rollout ${one.id}, created before it`,
      ]);
      expect((await upload(server, '1.4.0', { platform: 'esp8266' })).warnings).toEqual([
        `esp8266 goes on getting the build for every board from rollout ${one.id}, created before this one`,
      ]);
      await patch(server, one.id, { status: 'cancelled' });
    });
  });

  describe('of a form that is not UTF-8', () => {
    const file = ['Content-Disposition: form-data; name="file"; filename="x.bin"', '\xe9image'] as const;
    const text = (name: string, value: string): readonly [string, string] => [
      `Content-Disposition: form-data; name="${name}"`,
      value,
    ];

    /** Sends parts, each its headers and its body, byte by byte as Latin-1. */
    async function send(
      ...parts: Array<readonly [headers: string, body: string]>
    ): Promise<{ status: number; body: ProblemBody & FirmwareResponse }> {
      const form = [...parts.map(([head, body]) => `--b1\r\n${head}\r\n\r\n${body}\r\n`), '--b1--\r\n'].join(
        '',
      );
      const answer = await fetch(`${server.url}/api/firmware/upload`, {
        method: 'POST',
        headers: { 'content-type': 'multipart/form-data; boundary=b1' },
        body: Buffer.from(form, 'latin1'),
      });
      return { status: answer.status, body: (await answer.json()) as ProblemBody & FirmwareResponse };
    }

    it.each([
      ['release_notes', 'caf\xe9'],
      ['changelog', '\xff\xfe'],
      ['version', '2.0.0\x80'],
      ['changelog', 'cut off \xe2\x82'],
    ])('is refused, and names %s', async (name, value) => {
      const rest = name === 'version' ? [] : [text('version', '2.0.0')];
      for (const parts of [
        [...rest, text(name, value), file],
        [file, ...rest, text(name, value)],
      ]) {
        const { status, body } = await send(...parts);
        expect(status).toBe(400);
        expect(body.errors).toEqual([{ field: name, value: null, message: `${name} must be UTF-8` }]);
      }
      await eventually(
        'nothing is left behind',
        () => readdir(join(server.uploads, 'incoming')),
        (names) => names.length === 0,
      );
      expect((await server.request('GET', '/api/firmware/2.0.0')).status).toBe(404);
    });

    it('is refused for the name of a file or of a field, too', async () => {
      const head = 'Content-Disposition: form-data; name="file"; filename="caf\xe9.bin"';
      expect(await send(text('version', '2.0.0'), [head, 'x'])).toMatchObject({
        status: 400,
        body: { errors: [{ field: 'file', message: 'file must be UTF-8' }] },
      });
      const field = await send(text('version', '2.0.0'), text('caf\xe9', 'x'), file);
      expect(field).toMatchObject({ status: 400, body: { errors: [{ field: 'body' }] } });
    });

    it('is taken as what it is, if it is UTF-8, or says what it is', async () => {
      const notes = '日本語, café, 👍, \ufffd';
      const inBytes = Buffer.from(notes).toString('latin1');
      const unicode = await send(text('version', '2.1.0'), text('release_notes', inBytes), file);
      expect([unicode.status, unicode.body.release_notes]).toEqual([201, notes]);
      const [head] = text('release_notes', '');
      const latin = `${head}\r\nContent-Type: text/plain; charset=iso-8859-1`;
      const named = await send(text('version', '2.1.1'), [latin, 'caf\xe9'], file);
      expect([named.status, named.body.release_notes]).toEqual([201, 'café']);
    });

    it('and comes in pieces of any size is read alike', async () => {
      const bytes = binary(70_000);
      bytes.set(
        Buffer.from('\r\n--b1\r\nContent-Disposition: form-data; name="x"\r\n\r\n\xff', 'latin1'),
        100,
      );
      const form = uploadForm({ version: '2.2.0', changelog: 'é'.repeat(3_000) }, bytes);
      expectStatus(await server.request('POST', '/api/firmware/upload', form), 201);
    });
  });

  describe('of an ESP32 image', () => {
    async function status(version: string, sha256: string): Promise<number> {
      const headers = { 'x-ESP32-sketch-sha256': sha256 };
      return (await fetch(`${server.url}/api/firmware/download/${version}`, { headers })).status;
    }

    it('lets a board that runs it be answered 304, by the digest that the image carries', async () => {
      const image = esp32Image();
      const { sha256_checksum } = await upload(server, '3.0.0', {}, image);
      expect(await status('3.0.0', appendedDigest(image))).toBe(304);
      expect(await status('3.0.0', appendedDigest(image).toUpperCase())).toBe(304);
      expect(await status('3.0.0', sha256_checksum)).toBe(304);
      expect(await status('3.0.0', appendedDigest(esp32Image()))).toBe(200);
      expect(await status('3.0.0', '')).toBe(200);
    });

    it.each([
      ['whose header says that it carries none', (image: Uint8Array) => (image[23] = 0)],
      ['whose bytes have another digest', (image: Uint8Array) => (image[100]! ^= 1)],
      ['that is no plain image', (image: Uint8Array) => (image[0] = 0x1f)],
    ])('takes nothing for a digest in one %s', async (how, change) => {
      const image = esp32Image();
      change(image);
      const version = `3.1.${how.length}`;
      await upload(server, version, {}, image);
      expect(await status(version, appendedDigest(image))).toBe(200);
    });
  });
});
