import { existsSync, readFileSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { isLocalRequest } from '../src/access/local-request.js';
import type { NewKeyResponse } from '../src/access/api-key.dto.js';
import { eventually } from './support/eventually.js';
import { connected, expectStatus, upload, uploadForm } from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { sendRaw } from './support/raw-connection.js';
import { TestServer } from './support/server.js';

describe('The management', () => {
  const servers: TestServer[] = [];

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  async function start(settings: Record<string, string> = {}): Promise<TestServer> {
    const server = await TestServer.start(settings);
    servers.push(server);
    return server;
  }

  /** Sends a request with any header, Host included. */
  function send(
    server: TestServer,
    path: string,
    headers: Record<string, string> = {},
    method = 'GET',
  ): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(server.url + path, { method, headers }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => (body += text));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      });
      request.on('error', reject);
      request.end();
    });
  }

  async function claim(server: TestServer, name = 'Ada'): Promise<string> {
    const token = readFileSync(join(server.folder, 'claim-token'), 'utf8').trim();
    const answer = await server.request<NewKeyResponse>('POST', '/api/keys/claim', { token, name });
    return expectStatus(answer, 201).key;
  }

  const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

  describe('of a server that nobody has claimed', () => {
    it('is open on the machine itself, by any of its names', async () => {
      const server = await start();
      const { port } = new URL(server.url);
      for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'LOCALHOST', `[::1]:${port}`])
        expect([host, (await send(server, '/api/printers', { host })).status]).toEqual([host, 200]);
      const own = { host: `localhost:${port}`, origin: `http://localhost:${port}` };
      expect((await send(server, '/api/printers', own)).status).toBe(200);
    });

    it.each([
      ['another name in Host, as after DNS rebinding', { host: 'printers.evil.example' }],
      ['a name that only begins like localhost', { host: 'localhost.evil.example' }],
      ['a page of another site', { origin: 'https://evil.example' }],
      ['a page without an origin', { origin: 'null' }],
      ['a page of this machine on another port', { origin: 'http://127.0.0.1:1' }],
      ['a proxy: X-Forwarded-For', { 'x-forwarded-for': '203.0.113.9' }],
      ['a proxy: Forwarded', { forwarded: 'for=203.0.113.9' }],
      ['a proxy: Via', { via: '1.1 proxy' }],
      ...[
        'X-Real-IP',
        'X-Client-IP',
        'X-Cluster-Client-IP',
        'True-Client-IP',
        'CF-Connecting-IP',
        'CF-Ray',
        'CDN-Loop',
        'X-Forwarded-Host',
        'X-Forwarded-Proto',
        'X-Forwarded-Port',
        'X-Forwarded-Server',
        'X-Forwarded-Prefix',
        'X-Original-Forwarded-For',
        'X-Original-Host',
        'X-Original-URL',
      ].map((name): [string, Record<string, string>] => [`a proxy: ${name}`, { [name]: '127.0.0.1' }]),
      ['a proxy that says nothing', { 'x-forwarded-for': '' }],
    ])('is closed to %s', async (_who, headers) => {
      const server = await start();
      for (const path of ['/api/printers', '/api/firmware', '/docs', '/openapi.json', '/metrics']) {
        const answer = await send(server, path, headers);
        expect([path, answer.status]).toEqual([path, 401]);
        expect(answer.headers['content-type']).toContain('application/problem+json');
        expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="PaperMinder"$/);
        expect((JSON.parse(answer.body) as ProblemBody).detail).toContain('keys -- create --admin');
      }
      const upload = await send(server, '/api/firmware/upload', headers, 'POST');
      expect(upload.status).toBe(401);
    });

    it.each([
      ['as it is', 'GET /api/whoami HTTP/1.1\r\nHost: HERE', 200],
      ['in the absolute form', 'GET http://HERE/api/whoami HTTP/1.1\r\nHost: HERE', 200],
      ['with two hosts', 'GET /api/whoami HTTP/1.1\r\nHost: HERE\r\nHost: printers.example', 401],
      ['with the same host twice', 'GET /api/whoami HTTP/1.1\r\nHost: HERE\r\nhost: HERE', 401],
      ['to a foreign host', 'GET http://printers.example/api/whoami HTTP/1.1\r\nHost: HERE', 401],
      ['to a foreign port', 'GET http://localhost:1/api/whoami HTTP/1.1\r\nHost: HERE', 401],
      ['by the default of nginx', 'GET /api/whoami HTTP/1.0\r\nHost: HERE\r\nConnection: close', 401],
    ])('looks at all of a request that is sent %s', async (_how, head, expected) => {
      const server = await start();
      const { status } = await sendRaw(
        server,
        `${head.replaceAll('HERE', new URL(server.url).host)}\r\n\r\n`,
      );
      expect(status).toBe(expected);
    });

    it('leaves the printers and the supervisors in, whoever they are', async () => {
      const server = await start();
      await upload(server, '1.5.0');
      const headers = { host: 'printers.example', 'x-forwarded-for': '203.0.113.9' };
      expect((await send(server, '/api/firmware/download/1.5.0', headers)).status).toBe(200);
      expect((await send(server, '/health/live', headers)).status).toBe(200);
      await (await connected(server)).stop();
    });

    it('looks at the peer, too: a loopback name from elsewhere is not this machine', () => {
      const from = (remoteAddress: string): boolean =>
        isLocalRequest({
          socket: { remoteAddress },
          headers: { host: 'localhost' },
          rawHeaders: ['Host', 'localhost'],
        } as IncomingMessage);
      expect(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'].map(from)).toEqual([
        true,
        true,
        true,
        true,
      ]);
      expect(['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', '::127.0.0.1', ''].map(from)).toEqual(
        Array(5).fill(false),
      );
    });
  });

  describe('is claimed', () => {
    it('with the token in a file that only its owner reads, once', async () => {
      const server = await start();
      const file = join(server.folder, 'claim-token');
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const wrong = await server.request<ProblemBody>('POST', '/api/keys/claim', { token: 'x', name: 'Eve' });
      expect([wrong.status, wrong.body.detail]).toEqual([403, expect.stringContaining('claim-token')]);
      const token = readFileSync(file, 'utf8').trim();
      const key = await claim(server);
      expect(existsSync(file)).toBe(false);
      const again = await server.request('POST', '/api/keys/claim', { token, name: 'Eve' });
      expect(again.status).toBe(409);
      expect((await server.request('GET', '/api/keys', undefined, bearer(key))).status).toBe(200);
    });

    it('by one of two who try at once', async () => {
      const server = await start();
      const token = readFileSync(join(server.folder, 'claim-token'), 'utf8').trim();
      const tries = await Promise.all(
        ['Ada', 'Eve'].map((name) => server.request('POST', '/api/keys/claim', { token, name })),
      );
      expect(tries.map(({ status }) => status).sort()).toEqual([201, 409]);
    });

    it('and from then on needs a key, even on the machine itself, and after all keys are revoked', async () => {
      const server = await start();
      const key = await claim(server);
      const answer = await server.request<ProblemBody>('GET', '/api/printers');
      expect([answer.status, answer.body.detail]).toEqual([
        401,
        expect.stringContaining('Authorization: Bearer'),
      ]);
      for (const headers of [bearer(key), { 'x-api-key': key }, { authorization: `bearer  ${key}` }])
        expect((await server.request('GET', '/api/printers', undefined, headers)).status).toBe(200);
      // From elsewhere, too: a key is a key.
      expect((await send(server, '/api/printers', { host: 'a.example', ...bearer(key) })).status).toBe(200);
      expect((await server.request('DELETE', '/api/keys/1', undefined, bearer(key))).status).toBe(204);
      expect((await server.request('GET', '/api/printers', undefined, bearer(key))).status).toBe(401);
      // The first key replaces it at once.
      expect(existsSync(join(server.folder, 'claim-token'))).toBe(false);
      await server.restart();
      expect((await server.request('GET', '/api/printers')).status).toBe(401);
    });
  });

  describe('has keys', () => {
    it.each([
      ['read', [200, 403, 403, 403, 403]],
      ['firmware:write', [200, 400, 403, 403, 403]],
      ['rollouts:write', [200, 403, 400, 403, 403]],
      ['admin', [200, 400, 400, 404, 200]],
    ])('that are good for their scope alone: %s', async (scope, expected) => {
      const server = await start();
      const admin = await claim(server);
      const body = { name: scope, scopes: [scope] };
      const made = await server.request<NewKeyResponse>('POST', '/api/keys', body, bearer(admin));
      const { key } = expectStatus(made, 201);
      const statuses = [];
      for (const [method, path, sent] of [
        ['GET', '/api/firmware', undefined],
        ['POST', '/api/firmware/upload', uploadForm({})],
        ['POST', '/api/rollouts', {}],
        ['PATCH', '/api/printers/1', { blocked: true }],
        ['GET', '/api/keys', undefined],
      ] as const)
        statuses.push((await server.request(method, path, sent, bearer(key))).status);
      expect(statuses).toEqual(expected);
    });

    it('that nobody can read again: not in an answer, not in the database', async () => {
      const server = await start();
      const key = await claim(server);
      const list = await server.request<{ keys: object[] }>('GET', '/api/keys', undefined, bearer(key));
      expect(list.body.keys).toEqual([
        {
          id: 1,
          name: 'Ada',
          prefix: key.slice(0, 10),
          scopes: ['admin'],
          created_at: expect.any(String),
          expires_at: null,
          last_used_at: null,
          revoked_at: null,
        },
      ]);
      const rows = await server.get(DataSource).query<unknown[]>('SELECT * FROM api_key');
      expect(JSON.stringify([list.body, rows])).not.toContain(key.slice(10));
      await eventually('its use is recorded', async () => {
        const { body } = await server.request<{ keys: Array<{ last_used_at: string | null }> }>(
          'GET',
          '/api/keys',
          undefined,
          bearer(key),
        );
        return body.keys[0]!.last_used_at !== null;
      });
    });

    it('that expire', async () => {
      const server = await start();
      const admin = await claim(server);
      const expires = new Date(server.clock.now().getTime() + 60_000).toISOString();
      const body = { name: 'short', scopes: ['read'], expires_at: expires };
      const made = await server.request<NewKeyResponse>('POST', '/api/keys', body, bearer(admin));
      const { key } = expectStatus(made, 201);
      expect((await server.request('GET', '/api/printers', undefined, bearer(key))).status).toBe(200);
      server.clock.advance(60_000);
      expect((await server.request('GET', '/api/printers', undefined, bearer(key))).status).toBe(401);
    });

    it.each([
      [{ scopes: ['read'] }, 'name'],
      [{ name: '', scopes: ['read'] }, 'name'],
      [{ name: 'x', scopes: [] }, 'scopes'],
      [{ name: 'x', scopes: ['root'] }, 'scopes'],
      [{ name: 'x', scopes: ['read', 'read'] }, 'scopes'],
      [{ name: 'x', scopes: ['read'], expires_at: 'soon' }, 'expires_at'],
      [{ name: 'x', scopes: ['read'], expires_at: '2001-01-01T00:00:00Z' }, 'expires_at'],
    ])('and refuses to make one of %j', async (body, field) => {
      const server = await start();
      const answer = await server.request<ProblemBody>('POST', '/api/keys', body);
      expect(answer.status).toBe(400);
      expect(answer.body.errors?.map((error) => error.field)).toEqual([field]);
    });

    it.each(['', 'Bearer', 'Bearer x', `Bearer pmk_${'a'.repeat(43)}`, `Basic ${'a'.repeat(20)}`])(
      'and takes no other for one: %j',
      async (authorization) => {
        const server = await start();
        await claim(server);
        expect((await server.request('GET', '/api/printers', undefined, { authorization })).status).toBe(401);
      },
    );
  });

  it('asks for the key in a browser that opens the explorer, and takes that for nothing else', async () => {
    const server = await start();
    const key = await claim(server);
    const basic = { authorization: `Basic ${Buffer.from(`ada:${key}`).toString('base64')}` };
    for (const path of ['/docs', '/docs/swagger-ui.css', '/openapi.json']) {
      const asked = await send(server, path);
      expect([path, asked.status, asked.headers['www-authenticate']]).toEqual([
        path,
        401,
        'Basic realm="PaperMinder"',
      ]);
      expect([path, (await send(server, path, basic)).status]).toEqual([path, 200]);
    }
    const wrong = { authorization: `Basic ${Buffer.from('ada:guess').toString('base64')}` };
    expect((await send(server, '/docs', wrong)).status).toBe(401);
    for (const path of ['/api/printers', '/metrics'])
      expect([path, (await send(server, path, basic)).status]).toEqual([path, 401]);
    expect((await send(server, '/api/rollouts', basic, 'POST')).status).toBe(401);
  });

  describe('tells who makes a request', () => {
    it('by its key, of whatever scope', async () => {
      const server = await start();
      const admin = await claim(server);
      const body = { name: 'build server', scopes: ['firmware:write'] };
      const made = await server.request<NewKeyResponse>('POST', '/api/keys', body, bearer(admin));
      const { key } = expectStatus(made, 201);
      const who = await server.request('GET', '/api/whoami', undefined, bearer(key));
      expect([who.status, who.body]).toEqual([
        200,
        { kind: 'key', name: 'build server', scopes: ['firmware:write'] },
      ]);
      expect((await server.request('GET', '/api/whoami', undefined, bearer(admin))).body).toEqual({
        kind: 'key',
        name: 'Ada',
        scopes: ['admin'],
      });
      expect((await server.request('GET', '/api/whoami')).status).toBe(401);
      expect((await server.request('GET', '/api/whoami', undefined, bearer('pmk_x'))).status).toBe(401);
    });

    it('before there is a key, and with AUTH=none', async () => {
      const server = await start();
      const local = { kind: 'local', name: null, scopes: ['admin'] };
      expect((await server.request('GET', '/api/whoami')).body).toEqual(local);
      const headers = { host: 'printers.example' };
      expect((await send(server, '/api/whoami', headers)).status).toBe(401);
      const open = await start({ AUTH: 'none' });
      expect(JSON.parse((await send(open, '/api/whoami', headers)).body)).toEqual({
        kind: 'anybody',
        name: null,
        scopes: ['admin'],
      });
    });
  });

  it('is open to everybody with AUTH=none', async () => {
    const server = await start({ AUTH: 'none' });
    const headers = { host: 'a.example', origin: 'https://evil.example' };
    expect((await send(server, '/api/printers', headers)).status).toBe(200);
  });

  it('has pages that load from here alone, and work over plain HTTP', async () => {
    const server = await start();
    const { headers } = await server.request('GET', '/docs');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('upgrade-insecure-requests');
    expect(headers.get('strict-transport-security')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    const behindTls = await start({ BASE_URL: 'https://updates.example.org' });
    expect((await behindTls.request('GET', '/docs')).headers.get('strict-transport-security')).toContain(
      'max-age',
    );
  });
});
