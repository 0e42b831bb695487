import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uploadForm, upload } from '../support/factories.js';
import type { ProblemBody } from '../support/factories.js';
import { sendRaw } from '../support/raw-connection.js';
import { TestServer } from '../support/server.js';
import { expectNothingIncoming, expectStillWorks } from '../support/still-works.js';

const TEXTS = [
  '../../etc/passwd',
  '..\\..\\windows',
  '%2e%2e',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '1.5.0\u0000',
  '\u0000',
  'a\r\nSet-Cookie: x=1',
  '1.5.0\r\n\r\n<script>',
  '１.５.０',
  'ｓｔａｂｌｅ',
  '/etc/passwd',
  '..',
];

describe('A text that is meant for a file system or a header', () => {
  let server: TestServer;
  let files: string[];

  beforeAll(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0');
    files = await filesThere();
  });
  afterAll(() => server.stop());

  async function filesThere(): Promise<string[]> {
    const names = await readdir(server.folder, { recursive: true });
    return names.filter((name) => !name.startsWith(join('uploads', 'incoming', '/'))).sort();
  }

  /** The answer names field and value, and lets nothing of the text out into its headers. */
  function expectRefused(
    answer: { status: number; headers: Headers; body: ProblemBody },
    field: string,
    value: string,
  ): void {
    expect(answer.body).toMatchObject({ status: 400, errors: [{ field, value }] });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.headers.get('set-cookie')).toBeNull();
  }

  const fields = ['version', 'channel', 'platform', 'min_upgrade_version'];
  it.each(fields.flatMap((field) => TEXTS.map((text): [string, string] => [field, text])))(
    'is refused as %s of an upload: %j',
    async (field, text) => {
      const form = uploadForm({ version: '9.9.9', [field]: text });
      expectRefused(await server.request<ProblemBody>('POST', '/api/firmware/upload', form), field, text);
    },
  );

  it.each(TEXTS.filter((text) => text !== '..'))('is refused in every path, and named: %j', async (text) => {
    const encoded = encodeURIComponent(text);
    for (const [method, path, field] of [
      ['GET', '/api/firmware/:', 'version'],
      ['PATCH', '/api/firmware/:', 'version'],
      ['DELETE', '/api/firmware/:', 'version'],
      ['GET', '/api/firmware/download/:', 'version'],
      ['GET', '/api/printers/:', 'printer_id'],
      ['PATCH', '/api/printers/:', 'printer_id'],
      ['GET', '/api/printers/:/updates', 'printer_id'],
      ['GET', '/api/rollouts/:', 'rollout_id'],
      ['PATCH', '/api/rollouts/:', 'rollout_id'],
      ['DELETE', '/api/rollouts/:', 'rollout_id'],
      ['POST', '/api/rollouts/:/retry', 'rollout_id'],
      ['DELETE', '/api/keys/:', 'key_id'],
    ] as const) {
      const body = method === 'PATCH' ? bodyFor(path) : undefined;
      expectRefused(await server.request<ProblemBody>(method, path.replace(':', encoded), body), field, text);
    }
  });

  it.each(TEXTS)('is refused in every query, and named: %j', async (text) => {
    const encoded = encodeURIComponent(text);
    for (const [path, field] of [
      ['/api/firmware', 'channel'],
      ['/api/firmware/latest', 'channel'],
      ['/api/firmware/1.5.0', 'platform'],
      ['/api/firmware/download/1.5.0', 'channel'],
      ['/api/firmware/download/1.5.0', 'platform'],
      ['/api/firmware/download/1.5.0', 'printer'],
      ['/api/printers', 'channel'],
      ['/api/printers', 'firmware_version'],
      ['/api/printers', 'user_id'],
      ['/api/printers', 'online'],
      ['/api/rollouts', 'status'],
      ['/api/rollouts', 'cursor'],
    ] as const) {
      expectRefused(await server.request<ProblemBody>('GET', `${path}?${field}=${encoded}`), field, text);
    }
  });

  it.each([
    ['GET', '/api/firmware/download/../../../etc/passwd', 404],
    ['GET', '/../../etc/passwd', 404],
    ['GET', '/api/firmware/download/..%2f..%2fetc%2fpasswd', 400],
    ['GET', '/api/firmware/download/%2e%2e', 400],
    ['GET', '/api/firmware/download/%252e%252e', 400],
    ['GET', '/api/firmware/download/1.5.0%00', 400],
    ['GET', '/api/firmware/download/1.5.0%0d%0aSet-Cookie:%20x=1', 400],
    ['GET', '/docs/..%2f..%2f..%2fpackage.json', 404],
    ['GET', '/docs/../../package.json', 404],
    ['DELETE', '/api/firmware/..%2f..%2fpaperminder.db', 400],
  ])('as a path that no client would send as it is, %s %s is %i', async (method, path, status) => {
    const { host } = new URL(server.url);
    const answer = await sendRaw(server, `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(answer.status).toBe(status);
    expect(answer.text).not.toMatch(/^set-cookie/im);
    expect(answer.text).toContain('application/problem+json');
  });

  it.each([
    '/api/firmware/%zz',
    '/api/printers/%',
    '/api/rollouts/%e0%a4%a',
    '/api/firmware/download/%c0%ae',
  ])('that is badly encoded is said to be the path: %s', async (path) => {
    const answer = await server.request<ProblemBody>('GET', path);
    expectRefused(answer, 'path', path);
  });

  it.each([...TEXTS.filter(isFileName), '\u202egnp.bin', 'x'.repeat(4_096), 'firmware.bin'])(
    'is nothing but a text as the name of a file: %j',
    async (name) => {
      const version = `2.0.0-${Buffer.from(name).toString('hex').slice(0, 50)}x`;
      const form = new FormData();
      form.set('version', version);
      form.set('file', new Blob([name]), name);
      const answer = await server.request<{ sha256_checksum: string }>('POST', '/api/firmware/upload', form);
      expect(answer.status).toBe(201);
      const download = await server.request('GET', `/api/firmware/download/${version}`);
      expect(download.headers.get('content-disposition')).toBe(
        `attachment; filename="paperminder-${version}.bin"`,
      );
      files.push(join('uploads', answer.body.sha256_checksum));
    },
  );

  it.each(TEXTS.filter((text) => !isFileName(text)))(
    'is refused where it can name no file: %j',
    async (name) => {
      const form = new FormData();
      form.set('version', '9.9.9');
      form.set('file', new Blob(['x']), name);
      const answer = await server.request<ProblemBody>('POST', '/api/firmware/upload', form);
      expect(answer.status).toBe(400);
      expect(answer.body.errors).toHaveLength(1);
    },
  );

  it('has written nothing but the binaries, and the server still works', async () => {
    await expectNothingIncoming(server);
    expect(await filesThere()).toEqual([...new Set(files)].sort());
    await expectStillWorks(server);
  });
});

/** RFC 9110 §5.5: a header, that of a part of a form included, cannot have a NUL; and a folder is no file. */
function isFileName(text: string): boolean {
  return !text.includes('\0') && text !== '..';
}

function bodyFor(path: string): object {
  if (path.startsWith('/api/firmware')) return { mandatory: true };
  return path.startsWith('/api/printers') ? { blocked: true } : { status: 'paused' };
}
