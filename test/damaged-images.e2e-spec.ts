import { randomUUID } from 'node:crypto';
import { readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditListResponse } from '../src/audit/audit.dto.js';
import { NotFoundError } from '../src/common/errors.js';
import { BinaryCache } from '../src/firmware/binaries/binary-cache.js';
import { ImageCheck } from '../src/firmware/binaries/image-check.js';
import { ImagePatrol } from '../src/firmware/binaries/image-patrol.js';
import type { FirmwareResponse } from '../src/firmware/firmware-response.dto.js';
import { FirmwareService } from '../src/firmware/firmware.service.js';
import { UpdateLimits } from '../src/rollout/updates/update-limits.js';
import { eventually } from './support/eventually.js';
import {
  binary,
  connected,
  counts,
  expectStatus,
  handled,
  history,
  patch,
  roll,
  rollout,
  upload,
  uploadForm,
} from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { LogLines } from './support/log-lines.js';
import { TestServer } from './support/server.js';

describe('An image that is missing or damaged', () => {
  let server: TestServer;
  let bytes: Uint8Array<ArrayBuffer>;
  let patchNumber = 0;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  /** A new version, and where its binary lies. */
  async function uploaded(): Promise<{ version: string; file: string }> {
    const version = `1.5.${patchNumber++}`;
    bytes = binary();
    const { sha256_checksum } = await upload(server, version, {}, bytes);
    return { version, file: join(server.uploads, sha256_checksum) };
  }

  function uploadAgain(
    version: string,
    fields: Record<string, string> = {},
  ): Promise<{ status: number; body: FirmwareResponse }> {
    return server.request('POST', '/api/firmware/upload', uploadForm({ version, ...fields }, bytes));
  }

  async function damaged(version: string): Promise<boolean> {
    const answer = await server.request<FirmwareResponse>('GET', `/api/firmware/${version}`);
    return expectStatus(answer, 200).damaged;
  }

  async function reason(uuid: string): Promise<unknown> {
    return (await server.request('GET', `/api/printers/${uuid}/decision`)).body.reason;
  }

  async function warnings(): Promise<unknown> {
    return (await server.request('GET', '/api/summary')).body.warnings;
  }

  it('is offered to nobody, keeps its rollout from completing, and goes out once it is repaired', async () => {
    const { version, file } = await uploaded();
    const owner = randomUUID();
    const { id } = await roll(server, version, { target: { user_ids: [owner] } });
    await rm(file);
    await server.get(ImagePatrol).glance();
    expect(await damaged(version)).toBe(true);
    const one = await connected(server, { userId: owner });
    expect(one.orders).toEqual([]);
    expect(await counts(server, id)).toEqual([1, 0, 0, 0, 0]);
    expect(await reason(one.options.uuid)).toBe('image_damaged');
    expect((await server.request<string>('GET', '/metrics')).body).toContain(
      'paperminder_damaged_images 1\n',
    );
    expect(await warnings()).toEqual([
      { code: 'image_damaged', message: expect.stringContaining(`offered to no printer: ${version}.`) },
    ]);

    const before = (await server.request<FirmwareResponse>('GET', `/api/firmware/${version}`)).body;
    const again = await uploadAgain(version);
    expect([again.status, again.body]).toEqual([
      200,
      { ...before, damaged: false, warnings: expect.any(Array) },
    ]);
    expect(await warnings()).toEqual([]);
    await eventually('the update is installed', () => one.version === version);
    await eventually(
      'the rollout is completed',
      () => rollout(server, id),
      ({ status, completed_count }) => status === 'completed' && completed_count === 1,
    );
    const { body } = await server.request<AuditListResponse>('GET', '/api/audit?action=firmware.mend');
    expect(body.entries[0]).toMatchObject({
      subject: `firmware/${version}`,
      before: { damaged: true },
      after: { damaged: false },
    });
    await one.stop();
  });

  it('that a download finds fails no update: it waits, and is sent again once the image is repaired', async () => {
    const { version, file } = await uploaded();
    const owner = randomUUID();
    const { id } = await roll(server, version, { target: { user_ids: [owner] } });
    await writeFile(file, 'damaged');
    const one = await connected(server, { userId: owner });
    await eventually(
      'the update waits',
      async () => (await counts(server, id))[0] === 1 && one.orders.length === 1,
    );
    await handled(one);
    expect(await counts(server, id)).toEqual([1, 0, 0, 0, 0]);
    expect((await rollout(server, id)).status).toBe('active');
    expect(one.version).toBe('1.4.0');
    expect((await history(server, one.options.uuid)).map(({ status }) => status)).toEqual([]);

    expect((await uploadAgain(version)).status).toBe(200);
    await eventually('the update is installed', () => one.version === version);
    await eventually(
      'the rollout is completed',
      async () => (await rollout(server, id)).status === 'completed',
    );
    expect((await server.request<FirmwareResponse>('GET', `/api/firmware/${version}`)).body).toMatchObject({
      success_count: 1,
      failure_count: 0,
    });
    await one.stop();
  });

  it('fails no update of a printer that reconnects without it, or stays silent', async () => {
    const { version, file } = await uploaded();
    const owner = randomUUID();
    const { id } = await roll(server, version, { target: { user_ids: [owner] } });
    const fleet = await Promise.all(
      [1, 2].map(() => connected(server, { userId: owner, behaviour: 'hang' })),
    );
    await eventually('both are under way', async () => (await counts(server, id))[1] === 2);
    await rm(file);
    await server.get(ImagePatrol).glance();
    const [returning, silent] = fleet as [(typeof fleet)[0], (typeof fleet)[0]];
    await silent.stop();
    await returning.stop();
    returning.start();
    await eventually('it has subscribed', () => returning.subscribed);
    expect(await counts(server, id)).toEqual([1, 1, 0, 0, 0]);
    server.clock.advance(31 * 60_000);
    await server.get(UpdateLimits).check();
    expect(await counts(server, id)).toEqual([2, 0, 0, 0, 0]);

    await writeFile(file, bytes);
    await server.get(ImagePatrol).glance();
    expect(await damaged(version)).toBe(false);
    await eventually('it is sent again', async () => (await counts(server, id))[1] === 1);
    await returning.stop();
  });

  it('does not keep its printers from what another rollout has for them', async () => {
    const bad = await uploaded();
    const owner = randomUUID();
    const { id } = await roll(server, bad.version, { target: { user_ids: [owner] } });
    const one = await connected(server, { userId: owner, behaviour: 'hang' });
    await eventually('the update is under way', () => one.orders.length === 1);
    await rm(bad.file);
    await server.get(ImagePatrol).glance();
    const good = await uploaded();
    await roll(server, good.version, { target: { user_ids: [owner] } });
    one.behaviour = 'update';
    one.send({ kind: 'firmware_failed', error: 'Update failed: HTTP error 500' });
    await eventually('it gets the other one', () => one.version === good.version);
    await eventually('it is no target any more', async () => (await counts(server, id))[0] === 0);
    expect(await counts(server, id)).toEqual([0, 0, 0, 0, 0]);
    await one.stop();
  });

  it('lets an update fail that the rollout would not send again anyway', async () => {
    const { version, file } = await uploaded();
    const owner = randomUUID();
    const { id } = await roll(server, version, { target: { user_ids: [owner] } });
    const one = await connected(server, { userId: owner, behaviour: 'hang' });
    await eventually('the update is under way', () => one.orders.length === 1);
    await patch(server, id, { status: 'cancelled' });
    await rm(file);
    await server.get(ImagePatrol).glance();
    one.send({ kind: 'firmware_failed', error: 'no space' });
    await handled(one);
    expect(await counts(server, id)).toEqual([0, 0, 0, 1, 0]);
    await one.stop();
  });

  it('cannot be rolled out, whether or not anybody has noticed before', async () => {
    const { version, file } = await uploaded();
    await writeFile(file, (await readFile(file)).fill(7, 100, 101));
    const wanted = { firmware_version: version, target: { all: true }, rollout_type: 'immediate' };
    const refused = await server.request<ProblemBody>('POST', '/api/rollouts', wanted);
    expect([refused.status, refused.body.detail]).toEqual([
      409,
      expect.stringContaining(
        `The binary of firmware ${version} in stable for every board is missing or damaged`,
      ),
    ]);
    expect((await server.request('POST', '/api/rollouts/preview', wanted)).status).toBe(409);
    expect((await server.request('DELETE', `/api/firmware/${version}`)).status).toBe(204);
  });

  it('is repaired by the same file alone, and only if it is damaged', async () => {
    const { version, file } = await uploaded();
    expect((await uploadAgain(version)).status).toBe(409);
    await rm(file);
    const other = await server.request('POST', '/api/firmware/upload', uploadForm({ version }));
    expect(other.status).toBe(409);
    expect((await uploadAgain(version, { channel: 'beta' })).status).toBe(201);
    expect(await damaged(version)).toBe(false);
    expect((await uploadAgain(version)).status).toBe(409);
  });

  it('of a build that is deleted while it is checked is not damaged', async () => {
    const { version, file } = await uploaded();
    const row = await server.get(FirmwareService).get({ version });
    const before = server.get(ImageCheck).damagedCount;
    expectStatus(await server.request('DELETE', `/api/firmware/${version}`), 204);
    await expect(server.get(ImageCheck).verify(row)).rejects.toBeInstanceOf(NotFoundError);
    // A file that is restored too late is not what was uploaded, either.
    await writeFile(file, 'abc');
    await expect(server.get(BinaryCache).get(row)).rejects.toBeInstanceOf(NotFoundError);
    expect(server.get(ImageCheck).damagedCount).toBe(before);
    await rm(file);
  });

  it('is found before the first printer is served after a start', async () => {
    const { version, file } = await uploaded();
    const owner = randomUUID();
    const { id } = await roll(server, version, { target: { user_ids: [owner] } });
    await server.restart(() => rm(file));
    expect(await damaged(version)).toBe(true);
    const one = await connected(server, { userId: owner });
    expect(one.orders).toEqual([]);
    await patch(server, id, { status: 'cancelled' });
    await one.stop();
  });
});

describe('Files that no firmware names', () => {
  it('are removed at the start, unless they are younger than an hour or not ours', async () => {
    const log = new LogLines();
    const server = await TestServer.start({}, log);
    const kept = await upload(server, '1.5.0');
    const old = new Date(Date.now() - 61 * 60_000);
    const put = async (path: string, at: Date): Promise<void> => {
      await writeFile(join(server.uploads, path), 'abc');
      await utimes(join(server.uploads, path), at, at);
    };
    const orphan = 'a'.repeat(64);
    const young = 'b'.repeat(64);
    await server.restart(async () => {
      await server.runOutside(`UPDATE firmware SET released_at = '2020-01-01 00:00:00.000'`);
      await put(orphan, old);
      await put(young, new Date(Date.now() - 59 * 60_000));
      await put('notes.txt', old);
      await put('incoming/old', old);
      await put('incoming/young', new Date());
      await utimes(join(server.uploads, kept.sha256_checksum), old, old);
    });
    const names = (await readdir(server.uploads)).filter((name) => !name.startsWith('.'));
    expect(names.sort()).toEqual([young, kept.sha256_checksum, 'incoming', 'notes.txt'].sort());
    expect(await readdir(join(server.uploads, 'incoming'))).toEqual(['young']);
    expect(log.of('Firmware')).toContain(
      'Removed 2 files that an interrupted upload had left behind, 6 bytes',
    );
    await server.stop();
  });

  it('are kept if they are older than all firmware of the database: it may be the wrong one', async () => {
    const log = new LogLines();
    const server = await TestServer.start({}, log);
    const lost = 'c'.repeat(64);
    const old = new Date(Date.now() - 61 * 60_000);
    await writeFile(join(server.uploads, lost), 'abc');
    await utimes(join(server.uploads, lost), old, old);
    await server.restart();
    expect(await server.uploaded()).toContain(lost);
    await upload(server, '1.5.0');
    await server.restart();
    expect(await server.uploaded()).toContain(lost);
    const line =
      /^Kept 1 binaries in the uploads folder that are older than all firmware .* check DATABASE_URL/;
    expect(log.of('Firmware').filter((one) => line.test(one))).toHaveLength(2);
    await server.stop();
  });
});
