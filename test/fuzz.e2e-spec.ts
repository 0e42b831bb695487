import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { eventually } from './support/eventually.js';
import { connected, upload } from './support/factories.js';
import { propertyRuns } from './support/property-runs.js';
import { TestServer } from './support/server.js';

/** Values that programs stumble over, beside any JSON. */
const nasty = fc.oneof(
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
  fc.constantFrom<fc.JsonValue>(
    '',
    '\u0000',
    'a\r\nb',
    '../../etc/passwd',
    '%2e%2e',
    '１.５.０',
    '1.5.0',
    'v1.5',
    '01.5.0',
    '1.5.9007199254740993',
    '9'.repeat(5_000),
    '\u202e\u{1F5A8}',
    `' OR 1=1 --`,
    'stable',
    '550e8400-e29b-41d4-a716-446655440000',
    -1,
    0.5,
    1e308,
    2 ** 53,
    [],
    {},
    [[]],
    null,
    true,
  ),
);

/** Objects with the names that the server knows, and values that it does not. */
function bodyOf(names: readonly string[]): fc.Arbitrary<Record<string, fc.JsonValue>> {
  return fc.dictionary(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...names) }, fc.string()), nasty, {
    maxKeys: names.length,
    noNullPrototype: true,
  });
}

const TARGET = ['all', 'user_ids', 'printer_ids', 'channels', 'min_version', 'max_version'];
const ROLLOUT = [
  'firmware_version',
  'target',
  'rollout_type',
  'rollout_percentage',
  'scheduled_for',
  'allow_downgrade',
];
const MESSAGE = [
  'kind',
  'printer_name',
  'printer_id',
  'api_key',
  'user_id',
  'platform',
  'firmware_version',
  'auto_update',
  'update_channel',
  'percent',
  'status',
  'version',
  'error',
];
const KINDS = [
  'firmware_progress',
  'firmware_complete',
  'firmware_failed',
  'firmware_declined',
  'firmware_update',
];

describe('Whatever is sent', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start({
      MAX_MESSAGES_PER_SECOND: '100000',
      SUBSCRIBE_TIMEOUT_SECONDS: '600',
    });
    await upload(server, '1.5.0');
    await (await connected(server)).stop();
  });
  afterAll(() => server.stop());

  async function status(method: string, path: string, body?: object): Promise<number> {
    return (await server.request(method, path, body)).status;
  }

  it('as a body is answered, and never with a failure of the server', async () => {
    const rollout = fc
      .tuple(bodyOf(ROLLOUT), bodyOf(TARGET))
      .map(([body, target]) => ('target' in body ? { ...body, target } : body));
    const requests = fc.oneof(
      fc.tuple(fc.constant('POST'), fc.constant('/api/rollouts'), rollout),
      fc.tuple(
        fc.constant('PATCH'),
        fc.constant('/api/rollouts/1'),
        bodyOf(['status', 'rollout_percentage']),
      ),
      fc.tuple(
        fc.constant('PATCH'),
        fc.constant('/api/firmware/1.5.0'),
        bodyOf(['release_notes', 'changelog', 'mandatory']),
      ),
      fc.tuple(fc.constant('PATCH'), fc.constant('/api/printers/1'), bodyOf(['blocked', 'reset_key'])),
      fc.tuple(fc.constant('POST'), fc.constant('/api/keys/claim'), bodyOf(['token', 'name'])),
      fc.tuple(
        fc.constant('POST'),
        fc.constant('/api/keys'),
        // Without a name, so that no key is made, which would close the server.
        bodyOf(['scopes', 'expires_at']),
      ),
    );
    await fc.assert(
      fc.asyncProperty(requests, async ([method, path, body]) => {
        expect(await status(method, path, body)).toBeLessThan(500);
      }),
      { numRuns: propertyRuns(250, 600) },
    );
  }, 120_000);

  it('as a query or a path is answered, and never with a failure of the server', async () => {
    const paths = fc.constantFrom(
      '/api/printers',
      '/api/rollouts',
      '/api/firmware',
      '/api/firmware/latest',
      '/api/firmware/1.5.0',
      '/api/firmware/download/1.5.0',
      '/api/printers/1/updates',
    );
    const names = [
      'user_id',
      'online',
      'firmware_version',
      'channel',
      'limit',
      'cursor',
      'status',
      'platform',
      'printer',
    ];
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      nasty.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))),
    );
    await fc.assert(
      fc.asyncProperty(
        paths,
        fc.array(fc.tuple(fc.constantFrom(...names), text), { maxLength: 4 }),
        text,
        async (path, query, segment) => {
          const parameters = query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
          expect(await status('GET', `${path}?${parameters.join('&')}`)).toBeLessThan(500);
          const inPath = encodeURIComponent(segment);
          for (const parent of ['/api/printers', '/api/rollouts', '/api/firmware', '/api/firmware/download'])
            expect(await status('GET', `${parent}/${inPath}`)).toBeLessThan(500);
        },
      ),
      { numRuns: propertyRuns(80, 200) },
    );
  }, 120_000);

  it('as a message is answered in words, and the connection stays open', async () => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws/${randomUUID()}`);
    const received: Array<{ code: string }> = [];
    socket.on('message', (data) =>
      received.push(JSON.parse((data as Buffer).toString()) as { code: string }),
    );
    await eventually('the greeting', () => received.length === 1);
    const message = fc.oneof(
      fc
        .tuple(bodyOf(MESSAGE), fc.constantFrom(...KINDS))
        .map(([body, kind]) => JSON.stringify({ ...body, kind })),
      bodyOf(MESSAGE).map((body) => JSON.stringify(body)),
      fc.string(),
      fc.jsonValue().map((value) => JSON.stringify(value)),
    );
    await fc.assert(
      fc.asyncProperty(message, async (text) => {
        const seen = received.length;
        if (Buffer.byteLength(text) > 16_000) return;
        socket.send(text);
        // Reports that are taken in are not answered: this stands behind them.
        socket.send('nonsense');
        await eventually(
          'an answer',
          () => received.at(-1)?.code === 'validation_error' && received.length > seen,
        );
        expect(received.slice(seen).map(({ code }) => code)).not.toContain('server_error');
        expect(socket.readyState).toBe(WebSocket.OPEN);
      }),
      { numRuns: propertyRuns(250, 600) },
    );
    socket.terminate();
  }, 120_000);
});
