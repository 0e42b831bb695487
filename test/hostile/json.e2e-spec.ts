import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  RolloutListResponse,
  RolloutResponse,
} from '../../src/rollout/http/dto/rollout-response.dto.js';
import { expectStatus, upload } from '../support/factories.js';
import type { ProblemBody } from '../support/factories.js';
import { RawSocket } from '../support/raw-socket.js';
import { TestServer } from '../support/server.js';
import { expectStillWorks } from '../support/still-works.js';

const JSON_TYPE = 'application/json';
const ROLLOUT = '"firmware_version":"1.5.0","rollout_type":"immediate"';
const ID = '550e8400-e29b-41d4-a716-446655440000';

type SomeBody = Partial<ProblemBody> & Record<string, unknown>;

function deep(open: string, close: string, levels = 10_000): string {
  return open.repeat(levels) + '1' + close.repeat(levels);
}

describe('JSON', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0');
  });
  afterAll(() => server.stop());

  async function send(
    body: string | Uint8Array<ArrayBuffer>,
    { type = JSON_TYPE, method = 'POST', path = '/api/rollouts' } = {},
  ): Promise<{ status: number; body: SomeBody }> {
    const response = await fetch(server.url + path, { method, body, headers: { 'content-type': type } });
    return { status: response.status, body: (await response.json()) as SomeBody };
  }

  async function rollouts(): Promise<RolloutResponse[]> {
    return expectStatus(await server.request<RolloutListResponse>('GET', '/api/rollouts'), 200).rollouts;
  }

  it.each([
    ['a prototype', `{${ROLLOUT},"target":{"all":true},"__proto__":{"allow_downgrade":true}}`, '__proto__'],
    ['a prototype of the target', `{${ROLLOUT},"target":{"__proto__":{"all":true}}}`, 'target.__proto__'],
    [
      'a prototype in a list',
      `{${ROLLOUT},"target":{"channels":[{"__proto__":1}]}}`,
      'target.channels.__proto__',
    ],
    [
      'a constructor',
      `{${ROLLOUT},"target":{"all":true},"constructor":{"prototype":{"all":true}}}`,
      'constructor',
    ],
    ['a method of every object', `{${ROLLOUT},"target":{"all":true,"toString":1}}`, 'target.toString'],
    ['10,000 levels of objects', `{${ROLLOUT},"target":${deep('{"a":', '}')}}`, `target${'.a'.repeat(9)}`],
    ['10,000 levels of lists', `{${ROLLOUT},"target":{"user_ids":${deep('[', ']')}}}`, 'target.user_ids'],
    ['10,000 levels and nothing else', deep('[', ']'), 'body'],
    [
      '10,001 printers',
      `{${ROLLOUT},"target":{"printer_ids":[${list(`"${ID}"`, 10_001)}]}}`,
      'target.printer_ids',
    ],
    ['10,001 users', `{${ROLLOUT},"target":{"user_ids":[${list(`"${ID}"`, 10_001)}]}}`, 'target.user_ids'],
    [
      '200,000 numbers as printers',
      `{${ROLLOUT},"target":{"printer_ids":[${list('1', 200_000)}]}}`,
      'target.printer_ids',
    ],
    ['200,000 channels', `{${ROLLOUT},"target":{"channels":[${list('1', 200_000)}]}}`, 'target.channels'],
    [
      '100,000 times the same channel',
      `{${ROLLOUT},"target":{"channels":[${list('"beta"', 100_000)}]}}`,
      'target.channels',
    ],
    ['90,000 fields', `{${Array.from({ length: 90_000 }, (_, i) => `"f${i}":1`).join()}}`, 'body'],
    [
      '90,000 fields in a target',
      `{${ROLLOUT},"target":{${Array.from({ length: 90_000 }, (_, i) => `"f${i}":1`).join()}}}`,
      'target',
    ],
    [
      'a number beyond all bounds',
      `{${ROLLOUT},"target":{"all":true},"rollout_percentage":1e999}`,
      'rollout_percentage',
    ],
    [
      'a number that is not whole',
      `{${ROLLOUT},"target":{"all":true},"rollout_percentage":99.999999}`,
      'rollout_percentage',
    ],
    [
      'half a character as a version',
      `{"firmware_version":"1.5.0\\ud800","rollout_type":"immediate","target":{"all":true}}`,
      'firmware_version',
    ],
    ['half a character as a field', `{${ROLLOUT},"target":{"all":true},"\\udc00":1}`, '\udc00'],
    [
      'bytes that are no UTF-8',
      Buffer.from(`{${ROLLOUT},"target":{"all":true},"x":"\xe9"}`, 'latin1'),
      'body',
    ],
    ['a list instead of an object', '[]', 'firmware_version'],
    ['null', 'null', 'body'],
    ['a text', '"all"', 'body'],
    ['two values', '{} {}', 'body'],
    ['a comment', '{/* all */}', 'body'],
    ['NaN', `{${ROLLOUT},"rollout_percentage":NaN}`, 'body'],
    ['an end that is missing', `{${ROLLOUT}`, 'body'],
    ['UTF-16 that calls itself UTF-8', Buffer.from('\ufeff{}', 'utf16le'), 'body'],
  ])('with %s is refused by name, briefly and at once', async (_what, body, name) => {
    const begun = performance.now();
    const answer = await send(body);
    // It took ten seconds, in which nobody else was answered.
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect(answer.body).toMatchObject({ status: 400 });
    expect(answer.body.detail?.length).toBeLessThan(1_000);
    expect(answer.body.errors?.map(({ field }) => field)).toContain(name);
    expect(({} as Record<string, unknown>).all).toBeUndefined();
    expect(await rollouts()).toEqual([]);
  });

  it('of somebody without a key does not hold up anybody either', async () => {
    const body = `{${Array.from({ length: 90_000 }, (_, i) => `"f${i}":1`).join()}}`;
    const begun = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => send(body, { path: '/api/keys/claim' })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(400));
    // It took ten seconds for each.
    expect(performance.now() - begun).toBeLessThan(15_000);
  });

  const WHOLE = `{${ROLLOUT},"target":{"channels":["canary"]}}`;

  it.each([
    ['1', 'POST', '/api/rollouts'],
    [`[${WHOLE}]`, 'POST', '/api/rollouts'],
    [`[[${WHOLE}]]`, 'POST', '/api/rollouts'],
    [`{"0":${WHOLE}}`, 'POST', '/api/rollouts'],
    ['1', 'PATCH', '/api/rollouts/1'],
    ['[{"status":"paused"}]', 'PATCH', '/api/rollouts/1'],
    ['1', 'PATCH', '/api/firmware/1.5.0'],
    ['[{"mandatory":true}]', 'PATCH', '/api/firmware/1.5.0'],
    ['true', 'PATCH', '/api/printers/1'],
    ['[{"blocked":true}]', 'PATCH', '/api/printers/1'],
    ['1', 'POST', '/api/keys'],
    ['[{"name":"x","scopes":["admin"]}]', 'POST', '/api/keys'],
  ])('%s is no body of %s %s', async (body, method, path) => {
    const answer = await send(body, { method, path });
    expect(answer.body.status).toBe(400);
    expect(answer.body.errors?.length).toBeGreaterThan(0);
  });

  it.each([
    ['text/plain', 400],
    ['application/x-www-form-urlencoded', 400],
    ['multipart/form-data; boundary=x', 400],
    ['application/xml', 400],
    ['application/json; charset=latin1', 415],
    ['application/json; charset=utf-7', 400],
    ['application/json; charset=\u00e9', 415],
  ])('as %s is refused', async (type, status) => {
    const answer = await send(WHOLE, { type });
    expect(answer.body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
    expect(await rollouts()).toEqual([]);
  });

  it('that is packed and unpacks to more than may come is refused', async () => {
    const packed = gzipSync(`{"x":"${'x'.repeat(50_000_000)}"}`);
    const headers = { 'content-type': JSON_TYPE, 'content-encoding': 'gzip' };
    const response = await fetch(`${server.url}/api/rollouts`, { method: 'POST', body: packed, headers });
    expect(response.status).toBe(413);
  });

  it.each([
    ['a mark of its byte order', `\ufeff${WHOLE}`],
    [
      'the same key twice, of which the last counts',
      `{"target":{"all":true},"firmware_version":"0.0.0",${WHOLE.slice(1)}`,
    ],
  ])('with %s is taken as it says', async (_what, body) => {
    const answer = await send(body);
    expect(answer).toMatchObject({
      status: 201,
      body: { firmware_version: '1.5.0', target: { all: false, channels: ['canary'] } },
    });
    expectStatus(await server.request('DELETE', `/api/rollouts/${Number(answer.body.id)}`), 204);
  });

  it.each([
    ['an end that is missing', `{"printer_name":"x","printer_id":"${ID}"`, 'JSON'],
    ['two values', `{"printer_id":"${ID}"}{"printer_id":"${ID}"}`, 'JSON'],
    ['half a character in its printer_id', `{"printer_name":"x","printer_id":"${ID}\\ud83d"}`, 'printer_id'],
    [
      'the same key twice, the last of them wrong',
      `{"printer_name":"x","printer_id":"${ID}","printer_id":1}`,
      'printer_id',
    ],
    ['a list as its printer_id', `{"printer_name":"x","printer_id":["${ID}"]}`, 'printer_id'],
    ['7,000 elements', `{"printer_name":"x","printer_id":[${list('1', 7_000)}]}`, 'printer_id'],
    [
      '1,000 fields',
      `{"printer_name":"x",${Array.from({ length: 1_000 }, (_, i) => `"f${i}":1`).join()}}`,
      'printer_id',
    ],
    ['a method of every object', `{"printer_name":"x","valueOf":1}`, 'printer_id'],
  ])('of a printer with %s is answered in words', async (_what, message, words) => {
    const raw = await RawSocket.open(server);
    const answer = await raw.ask(message);
    expect(answer).toMatchObject({ code: 'validation_error', detail: expect.stringContaining(words) });
    expect(JSON.stringify(answer).length).toBeLessThan(1_024);
    expect((await server.request('GET', `/api/printers/${ID}`)).status).toBe(404);
    const hello = { printer_name: 'x', printer_id: randomUUID() };
    expect((await raw.ask(hello)).code).toBe('subscription_accepted');
    raw.socket.close();
  });

  it('of a printer may begin with a mark of its byte order', async () => {
    const raw = await RawSocket.open(server);
    const answer = await raw.ask(`\ufeff{"printer_name":"x","printer_id":"${randomUUID()}"}`);
    expect(answer.code).toBe('subscription_accepted');
    raw.socket.close();
  });

  it('of every kind has left a server that still works', async () => {
    await expectStillWorks(server);
  });
});

function list(item: string, times: number): string {
  return Array<string>(times).fill(item).join();
}
