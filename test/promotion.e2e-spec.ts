import { generateKeyPairSync, sign } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { AuditListResponse } from '../src/audit/audit.dto.js';
import type { FirmwareResponse } from '../src/firmware/firmware-response.dto.js';
import { FirmwareStorage } from '../src/firmware/binaries/firmware-storage.js';
import { eventually } from './support/eventually.js';
import { binary, connected, expectStatus, roll, rollout, upload, uploadForm } from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { TestServer } from './support/server.js';
import type { Answer } from './support/server.js';

describe('A promotion', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  function ask<T = FirmwareResponse[]>(version: string, to: string, query = ''): Promise<Answer<T>> {
    return server.request<T>('POST', `/api/firmware/${version}/promote${query}`, { to });
  }

  async function promote(version: string, to: string, query = ''): Promise<FirmwareResponse[]> {
    return expectStatus(await ask(version, to, query), 201);
  }

  async function refusal(status: number, version: string, to: string, query = ''): Promise<string> {
    return expectStatus(await ask<ProblemBody>(version, to, query), status).detail;
  }

  it('offers the same build in another channel, without a second upload', async () => {
    const { warnings, ...source } = await upload(server, '1.0.0', {
      channel: 'canary',
      release_notes: 'In brief',
      changelog: 'In detail',
      mandatory: 'true',
      min_upgrade_version: '0.9.0',
    });
    const files = await readdir(server.uploads);
    const [added, ...others] = await promote('v1.0', 'beta', '?channel=canary');
    expect([others, warnings]).toEqual([[], []]);
    expect(added).toEqual({ ...source, id: added!.id, channel: 'beta', released_at: added!.released_at });
    expect(added!.id).not.toBe(source.id);
    expect(await readdir(server.uploads)).toEqual(files);
    const { body } = await server.request<FirmwareResponse>('GET', '/api/firmware/latest?channel=beta');
    expect(body).toEqual(added);
  });

  it('reaches the printers of a rollout to the new channel', async () => {
    await upload(server, '1.1.0', { channel: 'canary' });
    const one = await connected(server, { version: '1.0.0', channel: 'beta' });
    await promote('1.1.0', 'beta');
    const { id } = await roll(server, '1.1.0', { target: { channels: ['beta'] } });
    await eventually('it is completed', async () => (await rollout(server, id)).completed_count === 1);
    const { body } = await server.request<FirmwareResponse>('GET', '/api/firmware/1.1.0?channel=beta');
    expect(body.success_count).toBe(1);
    await one.stop();
  });

  it('takes, for each platform, the build in the most stable channel', async () => {
    await upload(server, '2.0.0', { channel: 'canary', platform: 'esp32' });
    await upload(server, '2.0.0', { channel: 'canary', release_notes: 'canary' }, binary(100).fill(1));
    await upload(server, '2.0.0', { channel: 'beta', release_notes: 'beta' }, binary(100).fill(1));
    const added = await promote('2.0.0', 'stable');
    expect(added.map((row) => [row.channel, row.platform, row.release_notes])).toEqual([
      ['stable', null, 'beta'],
      ['stable', 'esp32', null],
    ]);
  });

  it('takes the one of a platform that is named', async () => {
    await upload(server, '2.1.0', { channel: 'canary', platform: 'esp32' });
    await upload(server, '2.1.0', { channel: 'canary' });
    const added = await promote('2.1.0', 'stable', '?platform=any');
    expect(added.map((row) => row.platform)).toEqual([null]);
    expect((await promote('2.1.0', 'stable', '?platform=ESP32')).map((row) => row.platform)).toEqual([
      'esp32',
    ]);
  });

  it('is all or nothing', async () => {
    await upload(server, '2.2.0', { channel: 'canary', platform: 'esp32' });
    await upload(server, '2.2.0', { channel: 'stable', platform: 'esp8266' });
    expect(await refusal(409, '2.2.0', 'stable')).toBe(
      'Firmware version already exists: 2.2.0 in stable for esp8266',
    );
    const { body } = await server.request<FirmwareResponse[]>('GET', '/api/firmware?channel=stable');
    expect(body.filter((row) => row.version === '2.2.0').map((row) => row.platform)).toEqual(['esp8266']);
  });

  it('is refused if it makes no sense', async () => {
    await upload(server, '3.0.0', { channel: 'canary' });
    const missing = 'Firmware version not found: 3.0';
    expect(await refusal(404, '3.0.1', 'beta')).toBe(`${missing}.1`);
    expect(await refusal(404, '3.0.0', 'beta', '?channel=stable')).toBe(`${missing}.0 in stable`);
    expect(await refusal(404, '3.0.0', 'beta', '?platform=esp32')).toBe(`${missing}.0 for esp32`);
    expect(await refusal(404, '3.0.0', 'beta', '?platform=esp32&channel=stable')).toBe(
      `${missing}.0 in stable for esp32`,
    );
    expect(await refusal(409, '3.0.0', 'canary')).toContain('Firmware version already exists');
    const same = expectStatus(await ask<ProblemBody>('3.0.0', 'beta', '?channel=beta'), 400);
    expect(same.errors).toEqual([
      { field: 'to', value: 'beta', message: expect.stringContaining('another channel') },
    ]);
    expect(await refusal(400, '3.0.0', 'nightly')).toContain('to must be one of');
    expect(await refusal(400, '3.0.0', 'beta', '?to=beta')).toContain('to is not a known query parameter');
    expect(await refusal(400, 'x', 'beta')).toContain('version must be');
    await server.request('PATCH', '/api/firmware/3.0.0', { deprecated: true });
    expect(await refusal(409, '3.0.0', 'beta')).toContain('deprecated');
  });

  it('stands in the audit log', async () => {
    await upload(server, '4.0.0', { channel: 'canary' });
    const [added] = await promote('4.0.0', 'beta');
    const { body } = await server.request<AuditListResponse>('GET', '/api/audit?subject=firmware/4.0.0');
    expect(body.entries[0]).toMatchObject({
      action: 'firmware.promote',
      before: null,
      after: { id: added!.id, channel: 'beta', sha256_checksum: added!.sha256_checksum },
    });
    const answer = await server.request<AuditListResponse>(
      'GET',
      '/api/audit?action=firmware.promote&limit=1',
    );
    expect(answer.body.entries).toEqual([body.entries[0]]);
  });

  it('keeps the binary while one of the channels has it', async () => {
    const bytes = binary();
    await upload(server, '5.0.0', { channel: 'canary' }, bytes);
    await promote('5.0.0', 'stable');
    expectStatus(await server.request('DELETE', '/api/firmware/5.0.0?channel=canary'), 204);
    const download = await fetch(`${server.url}/api/firmware/download/5.0.0`);
    expect(Buffer.from(await download.arrayBuffer())).toEqual(Buffer.from(bytes));
  });

  it('in the middle of an upload to the same channel makes that a conflict', async () => {
    const bytes = binary();
    await upload(server, '5.1.0', { channel: 'canary' }, bytes);
    const storage = server.get(FirmwareStorage);
    const publish = storage.publish.bind(storage);
    const published = jest.spyOn(storage, 'publish').mockImplementation(async (one) => {
      await publish(one);
      await promote('5.1.0', 'beta');
    });
    const form = uploadForm({ version: '5.1.0', channel: 'beta' }, bytes);
    const answer = await server.request('POST', '/api/firmware/upload', form);
    published.mockRestore();
    expect([answer.status, answer.body.detail]).toEqual([
      409,
      'Firmware version already exists: 5.1.0 in beta for every board',
    ]);
    expect((await fetch(`${server.url}/api/firmware/download/5.1.0`)).status).toBe(200);
  });

  it('of a build that lacks a good signature is refused while signing keys are registered', async () => {
    await upload(server, '6.0.0', { channel: 'canary' });
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const register = async (pem: string | Buffer, name: string): Promise<number> =>
      expectStatus(
        await server.request<{ id: number }>('POST', '/api/signing-keys', { name, public_key: pem }),
        201,
      ).id;
    const first = await register(publicKey.export({ type: 'spki', format: 'pem' }), 'first');
    expect(await refusal(409, '6.0.0', 'beta')).toContain('signature');
    const bytes = binary();
    const signature = sign(null, bytes, privateKey).toString('base64');
    const source = await upload(server, '6.1.0', { channel: 'canary', signature }, bytes);
    const [added] = await promote('6.1.0', 'beta');
    expect([added!.signature, added!.signing_key_fingerprint]).toEqual([
      signature,
      source.signing_key_fingerprint,
    ]);
    const other = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' });
    const second = await register(other, 'second');
    expectStatus(await server.request('DELETE', `/api/signing-keys/${first}`), 204);
    expect(await refusal(409, '6.1.0', 'stable')).toContain('signature');
    expectStatus(await server.request('DELETE', `/api/signing-keys/${second}?allow_unsigned=true`), 204);
    expect(await promote('6.1.0', 'stable')).toHaveLength(1);
  });
});
