import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { FirmwareResponse } from '../src/firmware/firmware-response.dto.js';
import type { RolloutResponse } from '../src/rollout/http/dto/rollout-response.dto.js';
import { eventually } from './support/eventually.js';
import {
  binary,
  connected,
  counts,
  expectStatus,
  patch,
  roll,
  rollout,
  upload,
  uploadForm,
} from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { TestServer } from './support/server.js';

describe('The bytes of a version', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  function promote(version: string, to: string): Promise<{ status: number }> {
    return server.request('POST', `/api/firmware/${version}/promote`, { to });
  }

  async function remove(path: string): Promise<{ status: number; detail: string }> {
    const { status, body } = await server.request<ProblemBody>('DELETE', `/api/firmware/${path}`);
    return { status, detail: body.detail };
  }

  async function refusedUpload(fields: Record<string, string>, bytes = binary()): Promise<string> {
    const form = uploadForm(fields, bytes);
    const answer = await server.request<ProblemBody>('POST', '/api/firmware/upload', form);
    return expectStatus(answer, 409).detail;
  }

  async function firmware(path: string): Promise<FirmwareResponse> {
    return expectStatus(await server.request<FirmwareResponse>('GET', `/api/firmware/${path}`), 200);
  }

  async function isCompleted(id: number): Promise<RolloutResponse> {
    return eventually(
      'the rollout is completed',
      () => rollout(server, id),
      ({ status }) => status === 'completed',
    );
  }

  describe('of a rollout', () => {
    it('stay when the row that it chose is deleted and another channel has the same bytes', async () => {
      const owner = randomUUID();
      const target = { user_ids: [owner] };
      const canary = await upload(server, '1.5.0', { channel: 'canary' });
      const { id } = await roll(server, '1.5.0', { target, rollout_type: 'gradual', rollout_percentage: 0 });
      const one = await connected(server, { userId: owner });
      expect(await counts(server, id)).toEqual([1, 0, 0, 0, 0]);
      expect((await promote('1.5.0', 'stable')).status).toBe(201);
      expect((await remove('1.5.0?channel=canary')).status).toBe(204);

      const stable = await firmware('1.5.0');
      expect(await rollout(server, id)).toMatchObject({
        status: 'active',
        total_targets: 1,
        firmware_version_id: stable.id,
      });
      await patch(server, id, { rollout_percentage: 100 });
      await eventually('the update is installed', () => one.version === '1.5.0');
      expect(one.orders[0]!.md5).toBe(canary.md5_checksum);
      await isCompleted(id);
      expect((await firmware('1.5.0')).success_count).toBe(1);
      await one.stop();
    });

    it('are counted on the row that takes the place of the one that was sent', async () => {
      const owner = randomUUID();
      await upload(server, '1.6.0', { channel: 'canary' });
      const { id } = await roll(server, '1.6.0', { target: { user_ids: [owner] } });
      const one = await connected(server, { userId: owner, behaviour: 'hang' });
      await eventually('the update is under way', () => one.orders.length === 1);
      await promote('1.6.0', 'beta');
      expect((await remove('1.6.0?channel=canary')).status).toBe(204);
      one.send({ kind: 'firmware_complete', version: '1.6.0' });
      await isCompleted(id);
      expect(await firmware('1.6.0')).toMatchObject({ channel: 'beta', success_count: 1 });
      await one.stop();
    });

    it.each(['scheduled', 'paused', 'active', 'completed'])(
      'cannot be deleted while it is %s',
      async (state) => {
        const version = `1.7.${['scheduled', 'paused', 'active', 'completed'].indexOf(state)}`;
        const owner = randomUUID();
        await upload(server, version);
        const scheduled = { rollout_type: 'scheduled', scheduled_for: '2099-01-01T00:00:00Z' };
        const { id } = await roll(server, version, {
          target: { user_ids: [owner] },
          ...(state === 'scheduled' ? scheduled : {}),
        });
        if (state === 'paused') await patch(server, id, { status: 'paused' });
        if (state === 'completed') {
          const one = await connected(server, { userId: owner });
          await isCompleted(id);
          await one.stop();
        }
        expect(await remove(version)).toEqual({
          status: 409,
          detail: `Firmware ${version} is in use by rollout ${id} (${state})`,
        });
        const late = await connected(server, { userId: owner });
        if (state !== 'active' && state !== 'completed') expect(late.orders).toEqual([]);
        else await eventually('a late comer is sent it', () => late.version === version);
        await late.stop();
        await patch(server, id, { status: 'cancelled' });
        expect((await remove(version)).status).toBe(204);
      },
    );

    it('cannot be deleted for one platform alone either', async () => {
      const owner = randomUUID();
      await upload(server, '1.8.0', { platform: 'esp32' });
      await upload(server, '1.8.0', { platform: 'esp8266' });
      const { id } = await roll(server, '1.8.0', { target: { user_ids: [owner] } });
      expect((await remove('1.8.0?platform=esp32')).detail).toContain(`in use by rollout ${id}`);
      expect((await remove('1.8.0?channel=stable')).status).toBe(409);
    });

    it('cannot be left to a row that is offered to nobody', async () => {
      const owner = randomUUID();
      const bytes = binary();
      await upload(server, '1.8.1', { channel: 'stable' }, bytes);
      await upload(server, '1.8.1', { channel: 'beta' }, bytes);
      await server.request('PATCH', '/api/firmware/1.8.1?channel=beta', { deprecated: true });
      await roll(server, '1.8.1', { target: { user_ids: [owner] } });
      expect((await remove('1.8.1?channel=stable')).status).toBe(409);
      await server.request('PATCH', '/api/firmware/1.8.1?channel=beta', { deprecated: false });
      expect((await remove('1.8.1?channel=stable')).status).toBe(204);
    });

    it('are for every board if it had a build for every board: one for a board of its own that comes later is not sent', async () => {
      const owner = randomUUID();
      const everyBoard = await upload(server, '1.9.0');
      const { id } = await roll(server, '1.9.0', { target: { user_ids: [owner] } });
      const own = await upload(server, '1.9.0', { platform: 'esp32' });
      const one = await connected(server, { userId: owner, platform: 'esp32' });
      await eventually('the update is installed', () => one.version === '1.9.0');
      expect(one.orders[0]!.md5).toBe(everyBoard.md5_checksum);
      // No rollout needs the one that came later, and a new rollout takes it.
      await patch(server, id, { status: 'cancelled' });
      await roll(server, '1.9.0', { target: { user_ids: [owner] } });
      const late = await connected(server, { userId: owner, platform: 'esp32' });
      await eventually('the late comer is sent it', () => late.version === '1.9.0');
      expect(late.orders[0]!.md5).toBe(own.md5_checksum);
      await Promise.all([one.stop(), late.stop()]);
    });

    it('are taken up for boards that it had nothing for, once and for all', async () => {
      const owner = randomUUID();
      await upload(server, '1.9.1', { platform: 'esp8266' });
      const { id } = await roll(server, '1.9.1', { target: { user_ids: [owner] } });
      const one = await connected(server, { userId: owner, platform: 'esp32' });
      expect(one.orders).toEqual([]);
      const own = await upload(server, '1.9.1', { platform: 'esp32' });
      await eventually('the update is installed', () => one.version === '1.9.1');
      expect(one.orders[0]!.md5).toBe(own.md5_checksum);
      await isCompleted(id);
      expect((await remove('1.9.1?platform=esp32')).detail).toContain(`in use by rollout ${id}`);
      await one.stop();
    });
  });

  describe('that was sent', () => {
    it('are the only ones that may stand under it, deleted or not', async () => {
      const owner = randomUUID();
      const bytes = binary();
      await upload(server, '2.0.0', {}, bytes);
      const { id } = await roll(server, '2.0.0', { target: { user_ids: [owner] } });
      const fleet = await Promise.all([1, 2].map(() => connected(server, { userId: owner })));
      await eventually('both run it', () => fleet.every((one) => one.version === '2.0.0'));
      await isCompleted(id);
      await patch(server, id, { status: 'cancelled' });
      expect((await remove('2.0.0')).status).toBe(204);

      const refusal = /^Firmware 2\.0\.0 was sent to 2 printers with other bytes; use a new version number/;
      expect(await refusedUpload({ version: '2.0.0' })).toMatch(refusal);
      expect(await refusedUpload({ version: '2.0.0', channel: 'canary' })).toMatch(refusal);
      await server.restart();
      expect(await refusedUpload({ version: 'v2.0', channel: 'beta' })).toMatch(refusal);
      // A build for one board is another binary, but some of these boards may run the version already.
      const warning = (count: string, boards: string): string =>
        `Version 2.0.0 was sent to ${count} as the build for ${boards}, with other bytes: those that run it are not sent this build`;
      const own = await upload(server, '2.0.0', { platform: 'esp32' });
      expect(own.warnings).toContain(warning('2 printers', 'every board'));
      // The same bytes may come back.
      const back = await upload(server, '2.0.0', { channel: 'beta' }, bytes);
      expect(back.warnings.filter((text) => text.includes('was sent'))).toEqual([]);
      expect((await upload(server, '2.0.0', { platform: 'esp8266' }, bytes)).warnings).not.toContain(
        warning('2 printers', 'every board'),
      );
      await Promise.all(fleet.map((one) => one.stop()));
    });

    it('are named if a build for every board takes the place of a deleted one for some boards', async () => {
      const owner = randomUUID();
      await upload(server, '2.0.1', { platform: 'esp32' });
      const { id } = await roll(server, '2.0.1', { target: { user_ids: [owner] } });
      const one = await connected(server, { userId: owner, platform: 'esp32' });
      await isCompleted(id);
      const text = 'Version 2.0.1 was sent to 1 printer as the build for esp32, with other bytes: ';
      const { warnings } = await upload(server, '2.0.1', { channel: 'canary' });
      expect(warnings.filter((line) => line.startsWith(text))).toEqual([]);
      await patch(server, id, { status: 'cancelled' });
      expect((await remove('2.0.1')).status).toBe(204);
      const late = await upload(server, '2.0.1');
      expect(late.warnings).toEqual(expect.arrayContaining([expect.stringContaining(text)]));
      await one.stop();
    });

    it('may be replaced as long as no printer was sent them: declined on its behalf is not sent', async () => {
      const owner = randomUUID();
      await upload(server, '2.1.0');
      const { id } = await roll(server, '2.1.0', { target: { user_ids: [owner] } });
      const one = await connected(server, { userId: owner, autoUpdate: false });
      await eventually('it is declined', async () => (await counts(server, id))[4] === 1);
      await patch(server, id, { status: 'cancelled' });
      expect((await remove('2.1.0')).status).toBe(204);
      const other = await upload(server, '2.1.0');
      await one.stop();

      // The old rollout is cancelled: nothing of it moves a printer to the other bytes.
      await roll(server, '2.1.0', { target: { user_ids: [owner] } });
      one.autoUpdate = true;
      one.start();
      await eventually('the update is installed', () => one.version === '2.1.0');
      expect(one.orders[0]!.md5).toBe(other.md5_checksum);
      await one.stop();
    });

    it('count each printer once, however often and through whichever row it was sent them', async () => {
      const owner = randomUUID();
      const bytes = binary();
      await upload(server, '2.2.0', { channel: 'canary' }, bytes);
      const first = await roll(server, '2.2.0', { target: { user_ids: [owner] } });
      const one = await connected(server, { userId: owner, behaviour: 'fail' });
      await eventually('it has failed', async () => (await counts(server, first.id))[3] === 1);
      expectStatus(await server.request('POST', `/api/rollouts/${first.id}/retry`), 200);
      await eventually('it has failed again', () => one.orders.length === 2);
      await promote('2.2.0', 'stable');
      await patch(server, first.id, { status: 'cancelled' });
      const second = await roll(server, '2.2.0', { target: { user_ids: [owner] } });
      await eventually('it has failed through another row', () => one.orders.length === 3);
      await patch(server, second.id, { status: 'cancelled' });
      expect((await remove('2.2.0')).status).toBe(204);
      expect(await refusedUpload({ version: '2.2.0' })).toContain('was sent to 1 printer with other bytes');
      await one.stop();
    });

    it('are where the address of an update leads, though their row in that channel was deleted', async () => {
      const owner = randomUUID();
      const canary = await upload(server, '1.91.0', { channel: 'canary' });
      const one = await connected(server, { userId: owner, behaviour: 'hang' });
      await roll(server, '1.91.0', { target: { user_ids: [owner] } });
      await eventually('the update is sent', () => one.orders.length === 1);
      expect((await promote('1.91.0', 'stable')).status).toBe(201);
      expect((await remove('1.91.0?channel=canary')).status).toBe(204);
      const { url } = one.orders[0]!;
      expect(new URL(url).searchParams.get('channel')).toBe('canary');
      const answer = await fetch(url);
      expect([answer.status, answer.headers.get('x-md5')]).toEqual([200, canary.md5_checksum]);
      await one.stop();
    });

    it('are all that the address of an update leads to, though another build of the version is there now', async () => {
      const owner = randomUUID();
      const bytes = binary();
      await upload(server, '2.3.0', {}, bytes);
      const { id } = await roll(server, '2.3.0', { target: { user_ids: [owner] } });
      const one = await connected(server, { userId: owner, platform: 'esp32', behaviour: 'hang' });
      await eventually('it is sent', () => one.orders.length === 1);
      const { url } = one.orders[0]!;
      expect(Buffer.from(await (await fetch(url)).arrayBuffer())).toEqual(Buffer.from(bytes));
      await patch(server, id, { status: 'cancelled' });
      expect((await remove('2.3.0')).status).toBe(204);
      await upload(server, '2.3.0', { platform: 'esp8266' });
      expect((await fetch(url)).status).toBe(404);
      await upload(server, '2.3.0', { channel: 'beta' }, bytes);
      expect((await fetch(url)).status).toBe(200);
      await one.stop();
    });
  });
});
