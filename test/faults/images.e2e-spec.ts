import { open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { get as httpGet } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { binary, connected, roll, upload } from '../support/factories.js';
import type { ProblemBody } from '../support/factories.js';
import { TestServer } from '../support/server.js';

const MIB = 1024 * 1024;
// Too large for the memory that images are kept in.
const LARGE = 65 * MIB;

class Log {
  readonly errors: string[] = [];
  log(): void {
    // Only errors matter here.
  }
  error(message: unknown): void {
    this.errors.push(String(message));
  }
  warn = this.log.bind(this);
}

/** Flips every bit of one byte. */
async function flip(file: string, position: number): Promise<void> {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, position);
  await handle.write(Buffer.from([byte[0]! ^ 0xff]), 0, 1, position);
  await handle.close();
}

const DAMAGES: Record<string, (file: string) => Promise<void>> = {
  '2.1.0': (file) => flip(file, 1_234),
  '2.2.0': (file) => truncate(file, 1_000),
  '2.3.0': (file) => rm(file),
  '2.4.0': (file) => writeFile(file, binary(2_000)),
};

describe('A damaged image', () => {
  const log = new Log();
  let server: TestServer;
  const files = new Map<string, string>();

  beforeAll(async () => {
    server = await TestServer.start({ MAX_FIRMWARE_SIZE: String(LARGE) }, log);
    for (const version of ['2.0.0', ...Object.keys(DAMAGES)]) {
      const { sha256_checksum } = await upload(server, version);
      files.set(version, join(server.uploads, sha256_checksum));
    }
  });
  afterAll(() => server.stop());

  async function damaged(): Promise<unknown> {
    const { status, body } = await server.request<{ details: { firmware: { damaged: string[] } } }>(
      'GET',
      '/health/ready',
    );
    expect(status).toBe(200);
    return body.details.firmware.damaged;
  }

  it('is found after the start without a download, named in the log and by the health check, and never served', async () => {
    await server.restart(async () => {
      for (const [version, damage] of Object.entries(DAMAGES)) await damage(files.get(version)!);
    });
    await eventually(
      'all are found',
      async () => (await damaged()) as string[],
      (seen) => seen.length >= 4,
    );
    expect(await damaged()).toEqual(['2.4.0', '2.3.0', '2.2.0', '2.1.0']);
    for (const version of Object.keys(DAMAGES)) {
      expect(log.errors).toContainEqual(
        expect.stringContaining(`The binary of firmware ${version} is damaged`),
      );
      for (const range of ['', 'bytes=0-9']) {
        const path = `/api/firmware/download/${version}`;
        const { status, body } = await server.request<ProblemBody>('GET', path, undefined, { range });
        const detail = expect.stringContaining(`firmware ${version} is damaged on the disk of the server`);
        expect([status, body.detail]).toEqual([500, detail]);
        expect(body.detail).not.toContain(server.uploads);
      }
    }
    expect((await fetch(`${server.url}/api/firmware/download/2.0.0`)).status).toBe(200);
  });

  it('is installed by no printer, and what is served beside it is', async () => {
    const one = await connected(server);
    const wanted = { firmware_version: '2.1.0', target: { all: true }, rollout_type: 'immediate' };
    expect((await server.request('POST', '/api/rollouts', wanted)).status).toBe(409);
    await roll(server, '2.0.0');
    await eventually('it runs the other one', () => one.version === '2.0.0');
    await one.stop();
  });

  it('is served again once the same bytes are uploaded again, and is no longer named', async () => {
    const original = binary();
    const { sha256_checksum } = await upload(server, '2.5.0', {}, original);
    const file = join(server.uploads, sha256_checksum);
    await flip(file, 0);
    expect((await fetch(`${server.url}/api/firmware/download/2.5.0`)).status).toBe(500);
    expect(await damaged()).toContain('2.5.0');
    await upload(server, '2.5.0', { channel: 'beta' }, original);
    const again = await fetch(`${server.url}/api/firmware/download/2.5.0`);
    expect(Buffer.from(await again.arrayBuffer())).toEqual(Buffer.from(original));
    expect(await damaged()).not.toContain('2.5.0');
  });

  it('that is deleted is no longer named', async () => {
    await server.request('DELETE', '/api/firmware/2.4.0');
    expect(await damaged()).not.toContain('2.4.0');
  });

  it('that is too large for memory is not served whole either, nor the part of it that is damaged', async () => {
    const original = binary(LARGE);
    const { sha256_checksum } = await upload(server, '3.0.0', {}, original);
    const file = join(server.uploads, sha256_checksum);
    const url = `${server.url}/api/firmware/download/3.0.0`;
    const part = (range: string): Promise<{ status: number; body: Buffer } | null> => fetchPart(url, range);

    const whole = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(whole.equals(original)).toBe(true);
    const first = await part('bytes=131000-131200');
    expect([first?.status, first?.body.equals(original.subarray(131_000, 131_201))]).toEqual([206, true]);

    // Behind the server's back, after it has checked the file.
    await flip(file, 40 * MIB);
    await expect(fetch(url).then((answer) => answer.arrayBuffer())).rejects.toThrow();
    expect(await part(`bytes=${40 * MIB - 10}-${40 * MIB + 10}`)).toMatchObject({ status: 500 });
    expect(await part('bytes=0-9')).toMatchObject({ status: 500 });
    expect(await damaged()).toContain('3.0.0');

    await flip(file, 40 * MIB);
    const last = await part(`bytes=${LARGE - 5}-`);
    expect([last?.status, last?.body.equals(original.subarray(LARGE - 5))]).toEqual([206, true]);
    await truncate(file, LARGE - 1);
    expect((await part(`bytes=${LARGE - 5}-`))?.body.equals(original.subarray(LARGE - 5)) ?? false).toBe(
      false,
    );
    expect((await readFile(file)).length).toBe(LARGE - 1);
  }, 60_000);
});

/** Null if the connection broke off. */
function fetchPart(url: string, range: string): Promise<{ status: number; body: Buffer } | null> {
  return new Promise((resolve) => {
    httpGet(url, { headers: { range } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => resolve(null));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
    }).on('error', () => resolve(null));
  });
}
