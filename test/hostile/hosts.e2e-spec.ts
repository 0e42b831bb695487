import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { roll, upload } from '../support/factories.js';
import { OPCODE, frame, serverFrames } from '../support/frames.js';
import { RawConnection, sendRaw } from '../support/raw-connection.js';
import { subscribeMessage } from '../support/raw-socket.js';
import { TestServer } from '../support/server.js';
import { expectStillWorks } from '../support/still-works.js';

describe('The URL in an update message', () => {
  let server: TestServer;
  const connections: RawConnection[] = [];

  beforeAll(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0');
    await roll(server, '1.5.0');
  });
  afterEach(() => {
    for (const connection of connections.splice(0)) connection.destroy();
  });
  afterAll(() => server.stop());

  const here = (): string => new URL(server.url).host;

  /** Shakes hands with these header lines instead of a Host; the connection, whatever became of it. */
  async function connect(hostLines: string, target = `/ws/${randomUUID()}`): Promise<RawConnection> {
    const connection = await RawConnection.open(server);
    connections.push(connection);
    connection.send(
      `GET ${target} HTTP/1.1\r\n${hostLines}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    return connection;
  }

  /** The URL that a printer is sent that has connected so. */
  async function urlFor(connection: RawConnection): Promise<URL> {
    await eventually('the greeting', () => connection.text.includes('connected'));
    connection.send(frame(OPCODE.text, JSON.stringify(subscribeMessage())));
    const order = await eventually('the update', () =>
      serverFrames(connection.received)
        .map(({ payload }) => JSON.parse(payload.toString()) as { kind: string; url: string })
        .find(({ kind }) => kind === 'firmware_update'),
    );
    expect(JSON.stringify(order).length).toBeLessThan(1_024);
    return new URL(order!.url);
  }

  it.each([
    ['a path', 'Host: evil.example/path\r\n'],
    ['a query', 'Host: evil.example?x\r\n'],
    ['a fragment', 'Host: evil.example#\r\n'],
    ['a user', 'Host: a@b\r\n'],
    ['this server as a user', 'Host: HERE@evil.example\r\n'],
    ['a scheme', 'Host: http://evil.example\r\n'],
    ['a backslash', 'Host: evil.example\\@HERE\r\n'],
    ['a space', 'Host: evil.example HERE\r\n'],
    ['two hosts', 'Host: HERE,evil.example\r\n'],
    ['a quote', 'Host: evil.example","url":"http://evil.example\r\n'],
    ['a line break in percents', 'Host: evil.example%0d%0aX: y\r\n'],
    ['a tab', 'Host: evil.example\tx\r\n'],
    ['letters beyond ASCII', 'Host: \xe9vil.example\r\n'],
    ['a zone', 'Host: [fe80::1%25eth0]\r\n'],
    ['an address that does not end', 'Host: [::1\r\n'],
    ['a port that is none', 'Host: evil.example:http\r\n'],
    ['a port with more digits than ports have', 'Host: evil.example:800000\r\n'],
    ['two ports', 'Host: evil.example:80:80\r\n'],
    ['300 characters', `Host: ${'e'.repeat(300)}\r\n`],
    ['nothing', 'Host: \r\n'],
    ['a second host', 'Host: HERE\r\nHost: evil.example\r\n'],
    ['X-Forwarded-Host', 'Host: HERE\r\nX-Forwarded-Host: evil.example\r\n'],
    ['Forwarded', 'Host: HERE\r\nForwarded: host=evil.example;proto=https\r\n'],
    ['X-Forwarded-Proto and a port', 'Host: HERE\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\n'],
    [
      'X-Original-URL and X-Rewrite-URL',
      'Host: HERE\r\nX-Original-URL: http://evil.example/\r\nX-Rewrite-URL: /x\r\n',
    ],
    [
      'X-Host and X-HTTP-Host-Override',
      'Host: HERE\r\nX-Host: evil.example\r\nX-HTTP-Host-Override: evil.example\r\n',
    ],
  ])('stays that of this server whatever Host says: %s', async (_what, lines) => {
    const url = await urlFor(await connect(lines.replaceAll('HERE', here())));
    expect(url.host).toBe(here());
    expect(url.protocol).toBe('http:');
    expect(url.username + url.password + url.hash).toBe('');
    expect(url.pathname).toBe('/api/firmware/download/1.5.0');
    expect((await fetch(url)).status).toBe(200);
  });

  it.each([
    ['a line that goes on in the next one', 'Host: HERE\r\n evil.example\r\n'],
    ['a line break without its other half', 'Host: HERE\rX-Evil: 1\r\n'],
    ['a NUL', 'Host: evil.example\0\r\n'],
    ['a space before its colon', 'Host : evil.example\r\n'],
  ])('is sent to nobody where the header is none: %s', async (_what, lines) => {
    const connection = await connect(lines.replaceAll('HERE', here()));
    expect(await connection.status()).toBe(400);
  });

  it.each(['http://evil.example/ws/UUID', 'ws://evil.example/ws/UUID', '//evil.example/ws/UUID', '*'])(
    'is sent to nobody who names the server in the request line: %s',
    async (target) => {
      const connection = await connect(`Host: ${here()}\r\n`, target.replace('UUID', randomUUID()));
      expect([400, 404]).toContain(await connection.status());
      expect(connection.text).not.toMatch(/^location:/im);
    },
  );

  it('is the host that each printer has connected to, and no other printer learns of it', async () => {
    const [odd, usual] = [
      await connect('Host: printers.example:81\r\n'),
      await connect(`Host: ${here()}\r\n`),
    ];
    expect((await urlFor(odd)).host).toBe('printers.example:81');
    expect((await urlFor(usual)).host).toBe(here());
  });

  it('stays the configured one, whatever Host says', async () => {
    const fixed = await TestServer.start({ BASE_URL: 'https://updates.example.org' });
    const own = server;
    server = fixed;
    await upload(fixed, '1.5.0');
    await roll(fixed, '1.5.0');
    const lines = 'Host: evil.example\r\nX-Forwarded-Host: evil.example\r\n';
    const url = await urlFor(await connect(lines)).finally(() => (server = own));
    expect(url.origin).toBe('https://updates.example.org');
    await fixed.stop();
  });

  it.each([
    'GET http://evil.example/api/firmware HTTP/1.1\r\nHost: HERE\r\n\r\n',
    'GET http://evil.example/api/firmware/download/1.5.0 HTTP/1.1\r\nHost: evil.example\r\n\r\n',
    'GET //evil.example/api/firmware HTTP/1.1\r\nHost: HERE\r\n\r\n',
    'GET /docs HTTP/1.1\r\nHost: HERE\r\nX-Forwarded-Host: evil.example\r\n\r\n',
    'GET /docs HTTP/1.1\r\nHost: evil.example/path\r\n\r\n',
    'GET /openapi.json HTTP/1.0\r\n\r\n',
    'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n',
    'TRACE / HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  ])('is no way to steer other answers either: %j', async (request) => {
    const { status, text } = await sendRaw(server, request.replaceAll('HERE', here()));
    if (status !== null) expect(status).toBeLessThan(500);
    const [head = ''] = text.split('\r\n\r\n');
    expect(head).not.toContain('evil.example');
  });

  it('is right again after all of it: the server still works', async () => {
    await expectStillWorks(server);
  });
});
