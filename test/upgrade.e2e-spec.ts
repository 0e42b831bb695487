import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from './support/eventually.js';
import { binary, upload } from './support/factories.js';
import { RawConnection } from './support/raw-connection.js';
import { TestServer } from './support/server.js';

const run = promisify(execFile);

// What Java's client and curl send with the first request of a connection.
const H2C =
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n';

describe('A request that offers another protocol', () => {
  let server: TestServer;
  const connections: RawConnection[] = [];

  beforeAll(async () => {
    server = await TestServer.start({ MAX_CONNECTIONS_PER_ADDRESS: '5', UNLIMITED_ADDRESSES: 'none' });
    await upload(server, '1.5.0');
  });
  afterEach(() => {
    for (const connection of connections.splice(0)) connection.destroy();
  });
  afterAll(() => server.stop());

  async function send(bytes: string): Promise<RawConnection> {
    const connection = await RawConnection.open(server);
    connections.push(connection.send(bytes.replaceAll('HERE', new URL(server.url).host)));
    return connection;
  }

  /** The status lines of all answers so far. */
  const statuses = ({ text }: RawConnection): string[] =>
    [...text.matchAll(/HTTP\/1\.1 (\d{3})/gm)].map((match) => match[1]!);

  async function answers(connection: RawConnection, count: number): Promise<string[]> {
    await eventually('the answers', () => connection.closed || statuses(connection).length >= count);
    return statuses(connection);
  }

  it.each([
    ['/api/firmware', '200'],
    ['/api/firmware/download/1.5.0', '200'],
    ['/health/live', '200'],
    ['/docs', '200'],
    ['/openapi.json', '200'],
    ['/metrics', '200'],
    ['/nope', '404'],
  ])('is answered as ever: %s', async (path, status) => {
    const connection = await send(`GET ${path} HTTP/1.1\r\nHost: HERE\r\n${H2C}\r\n`);
    expect(await answers(connection, 1)).toEqual([status]);
    expect(connection.text).not.toMatch(/^upgrade:/im);
  });

  it.each(['h2c', 'TLS/1.0', 'foo/2, bar', 'h2c, websocket'])('%s, on every route', async (protocol) => {
    const lines = `Connection: upgrade\r\nUpgrade: ${protocol}\r\n`;
    const connection = await send(`GET /health/live HTTP/1.1\r\nHost: HERE\r\n${lines}\r\n`);
    expect(await answers(connection, 1)).toEqual(['200']);
  });

  it('keeps its connection for the next ones, whether or not they wait for the answer', async () => {
    const first = `GET /health/live HTTP/1.1\r\nHost: HERE\r\n${H2C}\r\n`;
    const next = 'GET /api/firmware HTTP/1.1\r\nHost: HERE\r\n\r\n';
    const connection = await send(first + next + first);
    expect(await answers(connection, 3)).toEqual(['200', '200', '200']);
    connection.send(next.replace('HERE', new URL(server.url).host));
    expect(await answers(connection, 4)).toHaveLength(4);
    expect(connection.closed).toBe(false);
  });

  it('ends its connection if it says so', async () => {
    const lines = 'Connection: close, Upgrade\r\nUpgrade: h2c\r\n';
    const connection = await send(`GET /health/live HTTP/1.1\r\nHost: HERE\r\n${lines}\r\n`);
    expect(await answers(connection, 1)).toEqual(['200']);
    await eventually('the end', () => connection.closed);
  });

  it.each([
    ['by its length', (body: string) => `Content-Length: ${body.length}\r\n\r\n${body}`],
    [
      'in chunks',
      (body: string) =>
        `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ],
  ])('has its body read %s', async (_how, encode) => {
    const body = JSON.stringify({ name: '', scopes: ['read'] });
    const json = 'Content-Type: application/json\r\n';
    const head = `POST /api/keys HTTP/1.1\r\nHost: HERE\r\n${H2C}${json}`;
    const connection = await send(`${head}${encode(body)}GET /health/live HTTP/1.1\r\nHost: HERE\r\n\r\n`);
    expect(await answers(connection, 2)).toEqual(['400', '200']);
    expect(connection.text).toContain('name must be longer');
  });

  it('has a body read that comes late, byte by byte', async () => {
    const body = JSON.stringify({ name: '', scopes: ['read'] });
    const head = `POST /api/keys HTTP/1.1\r\nHost: HERE\r\n${H2C}Content-Type: application/json\r\n`;
    const connection = await send(`${head}Content-Length: ${body.length}\r\n\r\n`);
    for (const byte of body) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      connection.send(byte);
    }
    expect(await answers(connection, 1)).toEqual(['400']);
    expect(connection.text).toContain('name must be longer');
  });

  it('counts as one connection of its address', async () => {
    for (let round = 0; round < 12; round++) {
      const connection = await send(`GET /health/live HTTP/1.1\r\nHost: HERE\r\n${H2C}\r\n`);
      expect(await answers(connection, 1)).toEqual(['200']);
      connection.destroy();
      await eventually('its end is seen', async () => (await fetch(`${server.url}/health/live`)).ok);
    }
  });

  it.each([
    ['h2c', H2C],
    ['nothing', ''],
  ])('is told what is spoken where printers connect: %s', async (_what, lines) => {
    const connection = await send(`GET /ws/${randomUUID()} HTTP/1.1\r\nHost: HERE\r\n${lines}\r\n`);
    expect(await answers(connection, 1)).toEqual(['426']);
    expect(connection.text).toMatch(/^upgrade: websocket/im);
    expect(connection.text).toContain('application/problem+json');
  });

  it('is no trouble for curl --http2, with an upload, too', async () => {
    const curl = async (...args: string[]): Promise<string> =>
      (await run('curl', ['--silent', '--http2', ...args])).stdout;
    if (!(await run('curl', ['--version'])).stdout.includes('HTTP2')) return;
    expect(await curl('--write-out', '%{http_code}', '-o', '/dev/null', `${server.url}/api/firmware`)).toBe(
      '200',
    );
    expect(JSON.parse(await curl(`${server.url}/api/firmware/1.5.0`))).toMatchObject({ version: '1.5.0' });
    const file = `${server.folder}/image.bin`;
    writeFileSync(file, binary(1_500_000));
    const form = ['-F', `file=@${file}`, '-F', 'version=1.6.0'];
    expect(JSON.parse(await curl(...form, `${server.url}/api/firmware/upload`))).toMatchObject({
      version: '1.6.0',
      file_size: 1_500_000,
    });
    expect(readdirSync(`${server.uploads}/incoming`)).toEqual([]);
  });
});
