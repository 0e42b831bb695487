import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { RequestHandler } from 'express';
import type { NewKeyResponse } from '../src/access/api-key.dto.js';
import { GatedExpressAdapter } from '../src/http/server/gated-express-adapter.js';
import { eventually } from './support/eventually.js';
import { binary, connected, expectStatus, roll, upload } from './support/factories.js';
import { sendRaw } from './support/raw-connection.js';
import { TestServer } from './support/server.js';

const SCOPES = ['read', 'firmware:write', 'rollouts:write', 'admin'] as const;
type Scope = (typeof SCOPES)[number];

// Said here once more: a route that lost its declaration, or got a wider one, must not pass because the document says so, too.
const OPEN = /^(?:GET \/health\/|POST \/api\/keys\/claim$)/;
const DOWNLOAD = 'GET /api/firmware/download/{version}';
const ADMIN = /\/api\/(?:keys|audit)/;

function neededFor(route: string): Scope {
  const [method = '', path = ''] = route.split(' ');
  if (ADMIN.test(path)) return 'admin';
  if (method === 'GET' || path.endsWith('/preview')) return 'read';
  // A rollback creates rollouts.
  if (path.endsWith('/rollback')) return 'rollouts:write';
  if (path.startsWith('/api/firmware')) return 'firmware:write';
  if (path.startsWith('/api/rollouts') || /\/updates\/.*\/(?:abort|retry)$/.test(path))
    return 'rollouts:write';
  return 'admin';
}

function allows(given: Scope, needed: Scope): boolean {
  return given === 'admin' || given === needed || needed === 'read';
}

/** The ways to spell a path, by what is unusual about them. */
const SPELLINGS: Record<string, (path: string, host: string) => string> = {
  'as it is': (path) => path,
  'upper case': (path) => path.toUpperCase(),
  'one letter in upper case': (path) => path.replace(/[a-z](?=[^/]*$)/, (letter) => letter.toUpperCase()),
  'a slash at the end': (path) => `${path}/`,
  'two slashes in front': (path) => `/${path}`,
  'two slashes inside': (path) => path.replace(/\/(?=[^/]*$)/, '//'),
  'a fragment': (path) => `${path}#x`,
  'a fragment with a path': (path) => `${path}#/health/live`,
  'a parameter at the end': (path) => `${path};x=1`,
  'a parameter inside': (path) => path.replace(/\/(?=[^/]*$)/, ';x=1/'),
  'a letter in percents': (path) =>
    path.replace(/[a-z](?=[^/]*$)/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  'a slash in percents': (path) => path.replace(/\/(?=[^/]*$)/, '%2F'),
  'a NUL in percents': (path) => `${path}%00`,
  'the absolute form': (path, host) => `http://${host}${path}`,
  'the absolute form of a foreign host': (path) => `HTTP://printers.example${path}`,
  'a dot segment': (path) => path.replace(/\/(?=[^/]*$)/, '/./'),
  'dots that lead back': (path) => path.replace(/\/(?=[^/]*$)/, '/x/../'),
  'dots in percents that lead back': (path) => path.replace(/\/(?=[^/]*$)/, '/x/%2e%2e/'),
  'an open path, and back': (path) => `/health/live/../..${path}`,
  'a backslash': (path) => path.replace(/\/(?=[^/]*$)/, '\\'),
  'a path in the query': (path) => `${path}?/../../health/live`,
};

describe('Access is decided by the route that was matched', () => {
  let server: TestServer;
  const keys = new Map<Scope, string>();
  let document: OpenAPIObject;

  beforeAll(async () => {
    server = await TestServer.start({ MAX_REQUESTS_PER_SECOND: '1000000' });
    document = (await server.request<OpenAPIObject>('GET', '/openapi.json')).body;
    const token = readFileSync(join(server.folder, 'claim-token'), 'utf8').trim();
    const claimed = await server.request<NewKeyResponse>('POST', '/api/keys/claim', { token, name: 'Ada' });
    const admin = expectStatus(claimed, 201).key;
    for (const scope of SCOPES) {
      const body = { name: scope, scopes: [scope] };
      const headers = { authorization: `Bearer ${admin}` };
      const made = await server.request<NewKeyResponse>('POST', '/api/keys', body, headers);
      keys.set(scope, expectStatus(made, 201).key);
    }
  });
  afterAll(() => server.stop());

  // Sends a target as it stands, like `sendRaw`, and keeps connections: there are thousands of requests.
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  afterAll(() => agent.destroy());

  function send(
    method: string,
    target: string,
    scope: Scope | null,
  ): Promise<{ status: number; text: string }> {
    const { hostname, port, host } = new URL(server.url);
    const body = method === 'GET' ? '' : '{}';
    const headers = {
      host,
      ...(scope === null ? {} : { authorization: `Bearer ${keys.get(scope)!}` }),
      ...(body === '' ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
    };
    return new Promise((resolve, reject) => {
      const sent = request({ agent, hostname, port, method, path: target, headers }, (response) => {
        const status = response.statusCode!;
        let text = '';
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status, text }));
        // A stream of events does not end.
        if (response.headers['content-type'] === 'text/event-stream') {
          resolve({ status, text });
          sent.destroy();
        }
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  function routes(): Array<[string, string, string]> {
    return Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method): [string, string, string] => [
        `${method.toUpperCase()} ${path}`,
        method.toUpperCase(),
        // Nothing is there, so that nothing happens if a request gets through.
        path.replace(/\{version\}/, '9.9.9').replace(/\{\w+\}/g, '999'),
      ]),
    );
  }

  const NO_ROUTE = /"detail":"(?:Cannot [A-Z]+ |The target of a request must be |path must be UTF-8)/;

  /** True for the answer that no handler had a part in. What Node's parser does not take for a request has an empty one. */
  function reachedNoRoute(status: number, text: string): boolean {
    return NO_ROUTE.test(text) || (status === 400 && text === '');
  }

  it.each([null, ...SCOPES])(
    'with every spelling of every path: scope %s',
    async (scope) => {
      const { host } = new URL(server.url);
      const known = routes();
      expect(known.length).toBeGreaterThan(40);
      const wrong: string[] = [];
      for (const [route, method, path] of known) {
        const isOpen = OPEN.test(route) || (route === DOWNLOAD && scope !== null);
        const isAllowed = isOpen || (route !== DOWNLOAD && scope !== null && allows(scope, neededFor(route)));
        await Promise.all(
          Object.entries(SPELLINGS).map(async ([what, spell]) => {
            const target = spell(path, host);
            const { status, text } = await send(method, target, scope);
            const refusal = scope === null ? 401 : 403;
            const reachedNothing = reachedNoRoute(status, text);
            const passed = status !== 401 && status !== 403;
            const right = isAllowed
              ? passed || (OPEN.test(route) && route.includes('claim') && status === 403)
              : status === refusal || (what !== 'as it is' && reachedNothing);
            if (!right) wrong.push(`${method} ${target} (${what}): ${status} ${text.slice(-200)}`);
          }),
        );
      }
      expect(wrong).toEqual([]);
    },
    120_000,
  );

  it.each(['/docs', '/docs/swagger-ui.css', '/docs/swagger-ui-init.js', '/openapi.json'])(
    'for what no controller serves, too: %s',
    async (path) => {
      const { host } = new URL(server.url);
      for (const [what, spell] of Object.entries(SPELLINGS)) {
        const { status, text } = await send('GET', spell(path, host), null);
        const right = status === 401 || reachedNoRoute(status, text);
        expect([what, right]).toEqual([what, true]);
      }
      for (const scope of SCOPES) expect((await send('GET', path, scope)).status).toBe(200);
    },
  );

  it.each(['/api/Audit', '/api/KEYS/', '/api/keys#x', '/api/audit#', '/API/KEYS'])(
    "so no key but an admin's reads %s",
    async (target) => {
      const { status, text } = await send('GET', target, 'read');
      expect([status, text]).toEqual([expect.any(Number), expect.not.stringMatching(/pmk_|entries/)]);
      expect([400, 403, 404]).toContain(status);
    },
  );

  it('so a token opens the version that is downloaded, and no other', async () => {
    const admin = { authorization: `Bearer ${keys.get('admin')!}` };
    const asAdmin = {
      url: server.url,
      request: <T>(method: string, path: string, body?: object | FormData) =>
        server.request<T>(method, path, body, admin),
    };
    await upload(asAdmin, '1.5.0');
    const secret = binary();
    await upload(asAdmin, '9.0.0', {}, secret);
    const board = await connected(server, { behaviour: 'hang' });
    await roll(asAdmin, '1.5.0');
    await eventually('the update message', () => board.orders.length > 0);
    const { search } = new URL(board.orders[0]!.url);
    expect((await send('GET', `/api/firmware/download/1.5.0${search}`, null)).status).toBe(200);
    for (const path of [
      '9.0.0#/1.5.0',
      '9.0.0/1.5.0',
      '9.0.0%23/1.5.0',
      '9.0.0%2f1.5.0',
      '9.0.0;/1.5.0',
      '9.0.0?x=/1.5.0',
      '9.0.0?/1.5.0',
      '1.5.0/../9.0.0',
      '1.5.0%2f..%2f9.0.0',
      '9.0.0',
    ]) {
      // Once before the image is in memory, and once after: two ways of answering.
      for (const time of ['before', 'after']) {
        const target = `/api/firmware/download/${path}${path.includes('?') ? search.replace('?', '&') : search}`;
        const { status, text } = await send('GET', target, null);
        expect([time, target, [400, 401, 404].includes(status)]).toEqual([time, target, true]);
        expect(text).not.toContain(Buffer.from(secret).toString('latin1').slice(0, 50));
      }
      await send('GET', '/api/firmware/download/9.0.0', 'read');
    }
    await board.stop();
  });

  it('and a body is read only after that', async () => {
    const { host } = new URL(server.url);
    for (const target of ['/api/rollouts', '/api/nothing', '/API/rollouts']) {
      const head = `POST ${target} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`;
      // The body never comes: whoever reads it first gives no answer.
      const { status } = await sendRaw(server, `${head}Content-Length: 1000\r\n\r\n{`);
      expect([target, status]).toEqual([target, target === '/api/rollouts' ? 401 : 404]);
    }
  });
});

describe('A route without a declaration', () => {
  const handler: RequestHandler = (_request, response) => response.end('secret');

  it('is for admins', () => {
    const adapter = new GatedExpressAdapter();
    const gates: unknown[] = [];
    adapter.setRouteGate((access) => {
      gates.push(access);
      return (_request, _response, next) => next();
    });
    adapter.get('/undeclared', handler);
    expect(gates).toEqual(['admin']);
  });

  it('is not served at all without a gate', () => {
    expect(() => new GatedExpressAdapter().get('/undeclared', handler)).toThrow('gate');
  });
});
