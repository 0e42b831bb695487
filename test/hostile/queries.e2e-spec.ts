import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { connected, counts, expectStatus, roll, upload } from '../support/factories.js';
import type { ProblemBody } from '../support/factories.js';
import { TestServer } from '../support/server.js';
import { expectStillWorks } from '../support/still-works.js';

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema: { type?: string };
}

interface Operation {
  method: string;
  path: string;
  parameters: Parameter[];
}

interface OpenApi {
  paths: Record<string, Record<string, { parameters?: Parameter[] }>>;
}

// What every parameter is asked with that has a good value beside the one under attack.
const GOOD: Record<string, string> = {
  version: '1.5.0',
  printer_id: '1',
  rollout_id: '1',
  key_id: '1',
  status: 'failed',
};

// So that nothing but the parameter is wrong.
const CHANGES: Record<string, object> = {
  '/api/firmware/{version}': { mandatory: true },
  '/api/firmware/{version}/promote': { to: 'canary' },
  '/api/firmware/{version}/rollback': { to: 'previous' },
  '/api/firmware/{version}/rollback/preview': { to: 'previous' },
  '/api/printers/{printer_id}': { blocked: true },
  '/api/registrations/{printer_id}': { status: 'accepted' },
  '/api/rollouts/{rollout_id}': { status: 'paused' },
  '/api/rollouts/{rollout_id}/preview': { status: 'paused' },
};

// Any text will do: what matches nothing leads to nothing, and a token opens nothing that is closed.
const FREE_TEXTS: ReadonlySet<string> = new Set(['search', 'subject', 'token']);

const SQL = [
  `' OR 1=1 --`,
  `1' OR '1'='1`,
  '1 OR 1=1',
  '1; DROP TABLE printer',
  `1.5.0'; DROP TABLE firmware; --`,
  `stable' UNION SELECT key_hash FROM printer --`,
  `1) OR (1=1`,
  '%',
  '*',
  '[object Object]',
];

const NUMBERS = [
  '1e1',
  '0x1',
  '-1',
  '1.0',
  '1.',
  ' 1',
  '+1',
  '1_0',
  '9007199254740993',
  '9'.repeat(5_000),
  'NaN',
  'null',
  '',
];

describe('A query', () => {
  let server: TestServer;
  let operations: Operation[];
  let tables: Record<string, number>;

  beforeAll(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0');
    await upload(server, '1.4.0', { channel: 'beta' });
    for (let index = 0; index < 3; index++) await (await connected(server)).stop();
    await roll(server, '1.5.0', { target: { printer_ids: [randomUUID()] } });
    await roll(server, '1.5.0', { target: { printer_ids: [randomUUID()] } });
    operations = await documented();
    tables = await rowsOfTables();
  });
  afterAll(() => server.stop());

  async function documented(): Promise<Operation[]> {
    const { paths } = expectStatus(await server.request<OpenApi>('GET', '/openapi.json'), 200);
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { parameters = [] }]) => ({
        method: method.toUpperCase(),
        path,
        parameters,
      })),
    );
  }

  // But for those that time alone fills.
  async function rowsOfTables(): Promise<Record<string, number>> {
    const db = server.get(DataSource);
    const names = db.entityMetadatas
      .map(({ tableName }) => tableName)
      .filter((name) => !name.endsWith('_sample'));
    const counted = names.sort().map(async (name) => {
      const [row] = await db.query<Array<{ n: number }>>(`SELECT count(*) AS n FROM "${name}"`);
      return [name, row!.n] as const;
    });
    return Object.fromEntries(await Promise.all(counted));
  }

  /** Asks, with a value for each name in the path. */
  async function ask(
    { method, path }: Operation,
    values: Record<string, string>,
    query = '',
  ): Promise<{ status: number; body: ProblemBody }> {
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(values[name] ?? GOOD[name] ?? '1'),
    );
    const body = method === 'PATCH' || method === 'POST' ? CHANGES[path] : undefined;
    return server.request<ProblemBody>(method, filled + query, body);
  }

  /** The query without which an endpoint would refuse everything. */
  function neededQuery({ parameters }: Operation): string {
    const needed = parameters.filter((one) => one.in === 'query' && one.required);
    return needed.length === 0 ? '' : `?${needed.map(({ name }) => `${name}=${GOOD[name]}`).join('&')}`;
  }

  /** What can be asked of every endpoint in a path or in a query. */
  function everyParameter(where: 'path' | 'query'): Array<Parameter & { operation: Operation }> {
    return operations.flatMap((operation) =>
      operation.parameters.filter((one) => one.in === where).map((one) => ({ ...one, operation })),
    );
  }

  /** The answer names the parameter and its value; or there is nothing of that name. */
  function expectRefused(
    answer: { status: number; body: ProblemBody },
    { name, operation }: { name: string; operation: Operation },
    value: string,
  ): void {
    const what = `${operation.method} ${operation.path} with ${name}=${value}: ${JSON.stringify(answer.body)}`;
    expect({ what, refused: [400, 404].includes(answer.status) }).toEqual({ what, refused: true });
    if (answer.status === 400)
      expect(answer.body.errors).toContainEqual(expect.objectContaining({ field: name, value }));
  }

  it('is documented for the endpoints that there are', () => {
    expect(operations.length).toBeGreaterThan(20);
    expect(everyParameter('path').map(({ name }) => name)).toContain('printer_id');
    expect(everyParameter('query').map(({ name }) => name)).toEqual(
      expect.arrayContaining(['user_id', 'channel', 'firmware_version', 'online', 'limit', 'cursor']),
    );
  });

  it.each(SQL)('of every endpoint refuses %j in its path and in every filter', async (value) => {
    for (const one of everyParameter('path'))
      expectRefused(await ask(one.operation, { [one.name]: value }, neededQuery(one.operation)), one, value);
    for (const one of everyParameter('query').filter(({ name }) => !FREE_TEXTS.has(name)))
      expectRefused(await ask(one.operation, {}, `?${one.name}=${encodeURIComponent(value)}`), one, value);
    const found = await server.request('GET', `/api/audit?subject=${encodeURIComponent(value)}`);
    expect(found.body).toEqual({ entries: [], next_cursor: null });
    for (const order of ['asc', 'desc']) {
      const searched = await server.request(
        'GET',
        `/api/printers?search=${encodeURIComponent(value)}&order=${order}`,
      );
      expect(searched.body).toEqual({ printers: [], total: 0, next_cursor: null });
    }
  });

  it.each(NUMBERS)('of every endpoint refuses %j where a number belongs', async (value) => {
    const isNumber = ({ schema }: Parameter): boolean =>
      schema.type === 'integer' || schema.type === 'number';
    for (const one of everyParameter('path').filter(isNumber))
      if (value !== '')
        expectRefused(
          await ask(one.operation, { [one.name]: value }, neededQuery(one.operation)),
          one,
          value,
        );
    for (const one of everyParameter('query').filter(isNumber))
      expectRefused(await ask(one.operation, {}, `?${one.name}=${encodeURIComponent(value)}`), one, value);
  });

  it.each([
    'NAME=1&NAME=2',
    'NAME=1.5.0&NAME=1.5.0',
    'NAME[]=1',
    'NAME[b]=1',
    'NAME[__proto__]=1',
    'NAME.b=1',
    'NAME%00=1',
    'NAME%20=1',
  ])('of every endpoint has each filter once, as a text, by its name: %s', async (spelling) => {
    for (const { operation, name } of everyParameter('query')) {
      const query = `?${spelling.replaceAll('NAME', name)}`;
      const { status, body } = await ask(operation, {}, query);
      const what = `${operation.method} ${operation.path}${query}: ${JSON.stringify(body)}`;
      expect({ what, status }).toEqual({ what, status: 400 });
    }
  });

  it.each(['a=1&a=2', 'a[b]=1', '__proto__[limit]=1', 'constructor=1', `' OR 1=1 --`, '=1', 'a'])(
    'that nobody knows is refused by every endpoint: %s',
    async (query) => {
      for (const operation of operations) {
        const { status, body } = await ask(operation, {}, `?${query}`);
        const what = `${operation.method} ${operation.path}?${query}: ${JSON.stringify(body)}`;
        expect({ what, status }).toEqual({ what, status: 400 });
      }
    },
  );

  it.each([
    ['/api/printers?limit=2', 'printers', 2],
    ['/api/printers?limit=1&cursor=1', 'printers', 1],
    ['/api/printers?limit=2&online=false', 'printers', 2],
    [`/api/printers?user_id=${randomUUID()}`, 'printers', 0],
    ['/api/printers?cursor=999999999999999', 'printers', 0],
    ['/api/printers?search=%00', 'printers', 0],
    ['/api/printers?search=front%00&sort=id', 'printers', 0],
    [`/api/printers?search=${encodeURIComponent('\u{10FFFF}'.repeat(128))}&order=desc`, 'printers', 0],
    ['/api/printers?search=front&limit=2', 'printers', 2],
    ['/api/printers?search=999999999999999', 'printers', 0],
    ['/api/rollouts?limit=1', 'rollouts', 1],
    ['/api/rollouts?status=paused', 'rollouts', 0],
    ['/api/rollouts?cursor=0', 'rollouts', 0],
  ])('never has more rows than were asked for: %s', async (path, list, length) => {
    const answer = await server.request<Record<string, unknown[]>>('GET', path);
    expect(expectStatus(answer, 200)[list]).toHaveLength(length);
  });

  it('has changed no table, and the server still works', async () => {
    expect(await rowsOfTables()).toEqual(tables);
    expect(await counts(server, 1)).toEqual([0, 0, 0, 0, 0]);
    await expectStillWorks(server);
  });
});
