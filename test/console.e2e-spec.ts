import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectStatus } from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { sendRaw } from './support/raw-connection.js';
import { TestServer } from './support/server.js';

const PAGE = '<!doctype html><script type="module" src="/assets/index-B7x1.js"></script>';
const SCRIPT = `console.log('${'x'.repeat(5_000)}');`;
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47]);

interface File {
  status: number;
  headers: IncomingMessage['headers'];
  bytes: Buffer;
}

describe('The console', () => {
  let folder: string;
  let server: TestServer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paperminder-console-'));
    await mkdir(join(folder, 'built/assets'), { recursive: true });
    await writeFile(join(folder, 'secret.txt'), 'secret');
    await writeFile(join(folder, 'built/index.html'), PAGE);
    await writeFile(join(folder, 'built/favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
    await writeFile(join(folder, 'built/.vite.json'), '{}');
    await writeFile(join(folder, 'built/assets/index-B7x1.js'), SCRIPT);
    await writeFile(join(folder, 'built/assets/index-C9.css'), 'body { margin: 0 }');
    await writeFile(join(folder, 'built/assets/logo-D1.png'), PNG);
    server = await TestServer.start(
      { CORS_ALLOWED_ORIGINS: 'https://a.example' },
      false,
      join(folder, 'built'),
    );
    await server.request('POST', '/api/keys', { name: 'Ada', scopes: ['admin'] });
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  /** Not by `fetch`, which undoes what the answer is compressed with. */
  function fetchFile(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<File> {
    return new Promise((resolve, reject) => {
      get(server.url + path, { headers, method }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, bytes: Buffer.concat(chunks) }),
        );
      }).on('error', reject);
    });
  }

  it.each([
    '/',
    '/?tab=2',
    '/printers',
    '/printers/42',
    '/printers/770e8400-e29b-41d4-a716-446655440000',
    '/firmware',
    '/rollouts',
    '/rollouts/new',
    '/rollouts/3?of=4',
    '/inbox',
    '/try',
    '/sign-in',
  ])('is one page at %s, without a key, that is requested again each time', async (path) => {
    const { status, headers, bytes } = await fetchFile(path);
    expect([status, bytes.toString()]).toEqual([200, PAGE]);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-length': String(PAGE.length),
      'cache-control': 'no-cache',
      etag: expect.stringMatching(/^"[\w-]+"$/),
    });
    const again = await fetchFile(path, { 'if-none-match': `"else", W/${headers.etag}` });
    expect([again.status, again.bytes.length, again.headers.etag]).toEqual([304, 0, headers.etag]);
    expect((await fetchFile(path, { 'if-none-match': '"else"' })).status).toBe(200);
  });

  it('lets its pages load, send and run nothing but what is here', async () => {
    for (const path of ['/', '/rollouts/3', '/assets/index-B7x1.js', '/assets/none.js']) {
      const { headers } = await fetchFile(path);
      expect(headers['content-security-policy']).toBe(
        "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data:;connect-src 'self';" +
          "font-src 'self';form-action 'none';frame-ancestors 'none';base-uri 'none'",
      );
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' });
      expect(headers['strict-transport-security']).toBeUndefined();
    }
  });

  it.each([
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
  ])('has its files compressed as %s, for ever', async (encoding, undo) => {
    const plain = await fetchFile('/assets/index-B7x1.js');
    const { status, headers, bytes } = await fetchFile('/assets/index-B7x1.js', {
      'accept-encoding': encoding,
    });
    expect([status, undo(bytes).toString(), headers['content-encoding']]).toEqual([200, SCRIPT, encoding]);
    expect(headers['content-length']).toBe(String(bytes.length));
    expect(bytes.length).toBeLessThan(500);
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(headers.vary).toBe('Origin, Accept-Encoding');
    expect(plain.headers.vary).toBe('Origin, Accept-Encoding');
    expect(headers.etag).not.toBe(plain.headers.etag);
  });

  it.each([
    ['gzip, deflate, br', 'br'],
    ['gzip;q=1.0, br;q=0', 'gzip'],
    ['deflate', undefined],
    ['', undefined],
    ['*', 'br'],
  ])('answers Accept-Encoding: %s with %s', async (accepted, encoding) => {
    const { headers } = await fetchFile('/assets/index-C9.css', { 'accept-encoding': accepted });
    expect(headers['content-encoding']).toBe(encoding);
  });

  it('leaves alone what is compressed already', async () => {
    const { headers, bytes } = await fetchFile('/assets/logo-D1.png', { 'accept-encoding': 'br' });
    expect([bytes, headers['content-encoding'], headers['content-type']]).toEqual([
      PNG,
      undefined,
      'image/png',
    ]);
  });

  it.each(['/', '/favicon.svg', '/assets/index-B7x1.js'])(
    'answers HEAD for %s without the body',
    async (path) => {
      const whole = await fetchFile(path);
      const head = await fetchFile(path, {}, 'HEAD');
      expect([head.status, head.bytes.length]).toEqual([200, 0]);
      expect(head.headers['content-length']).toBe(String(whole.bytes.length));
    },
  );

  it.each(['/assets/none-1.js', '/assets/index.html', '/favicon.ico', '/assets/..%2f..%2fsecret.txt'])(
    'answers %s with a problem, for there is no such file',
    async (path) => {
      const answer = await server.request<ProblemBody>('GET', path);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([
        404,
        expect.stringContaining('application/problem+json'),
      ]);
      expect(answer.body.detail).toBe(`The console has no ${path}`);
    },
  );

  it.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/assets/../index.html',
    '/assets/%2e%2e/%2e%2e/secret.txt',
    '/assets//etc/passwd',
    '/assets/..\\..\\secret.txt',
    '/assets/%00',
    '/assets/%zz',
    '/index.html',
    '/.vite.json',
    '/printers/1/2',
    '//',
  ])('leads nowhere else: %s', async (path) => {
    const { status, text } = await sendRaw(server, `GET ${path} HTTP/1.1\r\nHost: HERE\r\n\r\n`);
    expect([400, 401, 404]).toContain(status);
    expect(text).toContain('application/problem+json');
  });

  it.each(['/nope', '/printers/1/2', '/rollouts/3/edit', '/printersx'])(
    'tells a browser that there is no page %s, and an API client in JSON',
    async (path) => {
      const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
      const page = await fetchFile(path, browser);
      expect([page.status, page.headers['content-type'], page.bytes.toString()]).toEqual([
        404,
        'text/html; charset=utf-8',
        PAGE,
      ]);
      const again = await fetchFile(path, { ...browser, 'if-none-match': page.headers.etag! });
      expect([again.status, again.bytes.toString()]).toEqual([404, PAGE]);
      for (const accept of ['*/*', 'application/json', 'application/json, text/html;q=0.9']) {
        const answer = await fetchFile(path, { accept });
        expect([401, 404]).toContain(answer.status);
        expect(answer.headers['content-type']).toContain('application/problem+json');
      }
    },
  );

  it.each([
    '/api/nope',
    '/API/nope',
    '/docs/nope',
    '/health/nope',
    '/assets/nope.js',
    '/ws/nope',
    '/metrics/x',
  ])('leaves %s to the API, whoever asks', async (path) => {
    const { headers, bytes } = await fetchFile(path, { accept: 'text/html' });
    expect(headers['content-type']).toContain('application/problem+json');
    expect(bytes.toString()).not.toContain('<script');
  });

  it('is not written to', async () => {
    for (const method of ['POST', 'PUT', 'DELETE'])
      expect((await fetchFile('/', {}, method)).status).toBe(404);
  });

  it('opens nothing of the API', async () => {
    for (const path of ['/api/printers', '/docs', '/openapi.json', '/metrics'])
      expect([path, (await fetchFile(path)).status]).toEqual([path, 401]);
    // There is nothing that a key could open.
    for (const path of ['/printersx', '/assets', '/Printers'])
      expect([path, (await fetchFile(path)).status]).toEqual([path, 404]);
  });

  it('is measured by its routes', async () => {
    const headers = { host: 'localhost' };
    expect((await fetchFile('/printers/4711', headers)).status).toBe(200);
    const open = await TestServer.start({ AUTH: 'none' }, false, join(folder, 'built'));
    await fetch(`${open.url}/printers/4711`);
    await fetch(`${open.url}/assets/index-C9.css`);
    const metrics = expectStatus(await open.request<string>('GET', '/metrics'), 200);
    expect(metrics).toContain('route="/printers/:printer",status="200"');
    expect(metrics).toContain('route="/assets/:file",status="200"');
    expect(metrics).not.toMatch(/4711|index-C9/);
    await open.stop();
  });

  it('says how it is made if it is missing', async () => {
    const without = await TestServer.start();
    for (const path of ['/', '/printers', '/assets/index-B7x1.js']) {
      const { status, body } = await without.request<ProblemBody>('GET', path);
      expect([path, status, body.detail]).toEqual([path, 404, expect.stringContaining('npm run build')]);
    }
    await without.stop();
  });
});
