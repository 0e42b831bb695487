import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NewKeyResponse } from '../src/access/api-key.dto.js';
import type { AuditEntryResponse, AuditListResponse } from '../src/audit/audit.dto.js';
import { eventually } from './support/eventually.js';
import { connected, details, expectStatus, patch, roll, upload } from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { TestServer } from './support/server.js';

describe('The audit log', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
  });
  afterEach(() => server.stop());

  async function log(query = '', headers: Record<string, string> = {}): Promise<AuditEntryResponse[]> {
    const answer = await server.request<AuditListResponse>('GET', `/api/audit${query}`, undefined, headers);
    return expectStatus(answer, 200).entries;
  }

  it('says who uploaded, rolled out, widened, paused and deleted, from where, and what changed', async () => {
    await upload(server, '1.5.0', { channel: 'beta' });
    await server.request('PATCH', '/api/firmware/1.5.0', { mandatory: true });
    const { id } = await roll(server, '1.5.0', { rollout_type: 'gradual', rollout_percentage: 10 });
    await patch(server, id, { rollout_percentage: 50, status: 'paused' });
    await server.request('POST', `/api/rollouts/${id}/retry`);
    await server.request('DELETE', `/api/rollouts/${id}`);
    await server.request('DELETE', '/api/firmware/1.5.0');

    const entries = (await log()).reverse();
    expect(entries.map(({ action, subject }) => [action, subject])).toEqual([
      ['firmware.upload', 'firmware/1.5.0'],
      ['firmware.change', 'firmware/1.5.0'],
      ['rollout.create', `rollout/${id}`],
      ['rollout.change', `rollout/${id}`],
      ['rollout.retry', `rollout/${id}`],
      ['rollout.delete', `rollout/${id}`],
      ['firmware.delete', 'firmware/1.5.0'],
    ]);
    for (const { actor, address, at } of entries) {
      expect(actor).toEqual({ kind: 'local', key_id: null, name: null });
      expect(address).toBe('127.0.0.1');
      expect(Math.abs(Date.parse(at) - server.clock.now().getTime())).toBeLessThan(60_000);
    }
    expect(entries[0]).toMatchObject({ before: null, after: { channel: 'beta', mandatory: false } });
    expect(entries[1]).toMatchObject({ before: { mandatory: false }, after: { mandatory: true } });
    expect(entries[2]).toMatchObject({ before: null, after: { target: { all: true }, status: 'active' } });
    expect(entries[3]).toMatchObject({
      before: { rollout_percentage: 10, status: 'active' },
      after: { rollout_percentage: 50, status: 'paused' },
    });
    expect(entries[5]).toMatchObject({ before: { rollout_percentage: 50 }, after: null });
  });

  it('names the key, whatever becomes of it, and is for admins alone', async () => {
    const token = readFileSync(join(server.folder, 'claim-token'), 'utf8').trim();
    const claimed = await server.request<NewKeyResponse>('POST', '/api/keys/claim', { token, name: 'Ada' });
    const admin = { authorization: `Bearer ${expectStatus(claimed, 201).key}` };
    const wanted = { name: 'build server', scopes: ['firmware:write'] };
    const made = await server.request<NewKeyResponse>('POST', '/api/keys', wanted, admin);
    const builder = { authorization: `Bearer ${expectStatus(made, 201).key}` };
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array([0xe9, 1, 2])]), 'firmware.bin');
    form.set('version', '1.5.0');
    expectStatus(await server.request('POST', '/api/firmware/upload', form, builder), 201);
    await server.request('DELETE', `/api/keys/${made.body.id}`, undefined, admin);

    const entries = (await log('', admin)).reverse();
    expect(entries.map(({ action, actor }) => [action, actor.kind, actor.name])).toEqual([
      ['key.create', 'anybody', null],
      ['key.create', 'key', 'Ada'],
      ['firmware.upload', 'key', 'build server'],
      ['key.revoke', 'key', 'Ada'],
    ]);
    expect(JSON.stringify(entries)).not.toContain(made.body.key);
    const ofBuilder = await log(`?key_id=${made.body.id}`, admin);
    expect(ofBuilder.map(({ action }) => action)).toEqual(['firmware.upload']);

    const reader = { name: 'reader', scopes: ['read', 'firmware:write', 'rollouts:write'] };
    const { key } = expectStatus(
      await server.request<NewKeyResponse>('POST', '/api/keys', reader, admin),
      201,
    );
    const refused = await server.request<ProblemBody>('GET', '/api/audit', undefined, {
      authorization: `Bearer ${key}`,
    });
    expect([refused.status, refused.body.detail]).toEqual([403, expect.stringContaining('scope admin')]);
  });

  it('has no entry for what was refused, and none for what changes nothing', async () => {
    await upload(server, '1.5.0');
    const { id } = await roll(server, '1.5.0');
    const before = await log();
    await server.request('POST', '/api/rollouts', { firmware_version: '9.9.9' });
    await server.request('PATCH', `/api/rollouts/${id}`, { status: 'scheduled' });
    await patch(server, id, { status: 'active' });
    await server.request('PATCH', '/api/firmware/1.5.0', { mandatory: false });
    await server.request('DELETE', '/api/firmware/1.5.0');
    expect(await log()).toEqual(before);
  });

  it('records the keys that sign firmware', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    const wanted = { name: 'release key', public_key: pem };
    const { id } = expectStatus(
      await server.request<{ id: number }>('POST', '/api/signing-keys', wanted),
      201,
    );
    await server.request('DELETE', `/api/signing-keys/${id}?allow_unsigned=true`);
    const [removed, registered] = await log(`?subject=signing-key/${id}`);
    expect(registered).toMatchObject({ action: 'signing_key.register', after: { name: 'release key' } });
    expect(removed).toMatchObject({ action: 'signing_key.remove', before: { removed_at: null } });
  });

  it('records a printer that is blocked', async () => {
    const printer = await connected(server);
    const { id } = await details(server, printer.options.uuid);
    await server.request('PATCH', `/api/printers/${id}`, { blocked: true });
    const [entry] = await log(`?subject=printer/${id}`);
    expect(entry).toMatchObject({
      action: 'printer.change',
      before: { blocked: false },
      after: { blocked: true },
    });
    await printer.stop();
  });

  it('says that a scheduled rollout was activated by the server itself', async () => {
    await upload(server, '1.5.0');
    const at = new Date(server.clock.now().getTime() + 60_000).toISOString();
    const { id } = await roll(server, '1.5.0', { rollout_type: 'scheduled', scheduled_for: at });
    server.clock.advance(61_000);
    const [entry] = await eventually(
      'the rollout is activated',
      () => log('?action=rollout.activate'),
      (entries) => entries.length > 0,
    );
    expect(entry).toMatchObject({
      actor: { kind: 'system' },
      address: null,
      subject: `rollout/${id}`,
      before: { status: 'scheduled' },
      after: { status: 'active' },
    });
  });

  it('is narrowed by time and subject, and comes in pages', async () => {
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) {
      await upload(server, version);
      server.clock.advance(60_000);
    }
    const [third, second, first] = await log();
    const page = await server.request<AuditListResponse>('GET', '/api/audit?limit=2');
    expect(page.body.entries).toEqual([third, second]);
    const rest = await server.request<AuditListResponse>(
      'GET',
      `/api/audit?limit=2&cursor=${page.body.next_cursor}`,
    );
    expect(rest.body).toEqual({ entries: [first], next_cursor: null });
    expect(await log(`?since=${second!.at}&until=${third!.at}`)).toEqual([second]);
    expect(await log('?subject=firmware/1.1.0&action=firmware.upload')).toEqual([second]);
    expect(await log('?subject=firmware/1.1.0&action=firmware.delete')).toEqual([]);
  });

  it.each([
    ['action', 'rollout.pause'],
    ['since', 'yesterday'],
    ['until', '2025-02-30T00:00:00Z'],
    ['key_id', '0'],
    ['limit', '1001'],
    ['cursor', 'x'],
    ['actor', 'Ada'],
  ])('refuses %s=%s', async (field, value) => {
    const answer = await server.request<ProblemBody>('GET', `/api/audit?${field}=${value}`);
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toMatchObject([{ field }]);
    expect(String(answer.body.errors![0]!.value)).toBe(value);
  });

  it('cannot be changed or deleted, not even by whoever has the database open', async () => {
    await upload(server, '1.5.0');
    for (const change of ["UPDATE audit_entry SET action = 'x'", 'DELETE FROM audit_entry'])
      await expect(server.runOutside(change)).rejects.toThrow('only ever added to');
    expect(await log()).toHaveLength(1);
  });

  it('shortens a target of ten thousand printers to its first hundred', async () => {
    await upload(server, '1.5.0');
    const ids = Array.from(
      { length: 150 },
      (_, index) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    );
    await roll(server, '1.5.0', { target: { printer_ids: ids } });
    const [entry] = await log('?action=rollout.create');
    const { printer_ids: shown } = entry!.after!.target as { printer_ids: string[] };
    expect([shown.length, shown.at(-1)]).toEqual([101, 'and 50 more']);
  });
});
