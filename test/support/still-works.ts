import { randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { eventually } from './eventually.js';
import { binary, connected, details, expectStatus, upload } from './factories.js';
import type { TestServer } from './server.js';

/** Fails where the server does not do all that it is for: an upload, its download, a printer that subscribes. */
export async function expectStillWorks(server: TestServer): Promise<void> {
  expectStatus(await server.request('GET', '/health/ready'), 200);
  const bytes = binary();
  const version = `900.0.0-x${randomUUID()}`;
  const { sha256_checksum } = await upload(server, version, { channel: 'canary' }, bytes);
  const download = await fetch(`${server.url}/api/firmware/download/${version}`);
  expect(Buffer.from(await download.arrayBuffer())).toEqual(Buffer.from(bytes));
  expect(await readFile(join(server.uploads, sha256_checksum))).toEqual(Buffer.from(bytes));
  await expectNothingIncoming(server);
  const one = await connected(server);
  expect(await details(server, one.options.uuid)).toMatchObject({ name: one.options.name, online: true });
  await one.stop();
}

/** Fails where something stays of uploads that were refused. */
export async function expectNothingIncoming(server: TestServer): Promise<void> {
  await eventually(
    'nothing is left behind in uploads/incoming',
    () => readdir(join(server.uploads, 'incoming')),
    (names) => names.length === 0,
  );
}
