import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LoggerService } from '@nestjs/common';
import type { NewKeyResponse } from '../src/access/api-key.dto.js';
import type { VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import { binary, connected, expectStatus, roll, upload } from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { TestServer } from './support/server.js';

describe('The address in an update message', () => {
  const image = binary();
  const lines: string[] = [];
  const logger: LoggerService = {
    log: (message: unknown) => lines.push(String(message)),
    warn: () => undefined,
    error: () => undefined,
  };
  let server: TestServer;
  let printer: VirtualPrinter;
  let admin: Record<string, string>;
  let path: string;

  beforeEach(async () => {
    server = await TestServer.start({}, logger);
    await upload(server, '1.5.0', {}, image);
    await upload(server, '1.6.0');
    printer = await connected(server, { behaviour: 'hang' });
    await roll(server, '1.5.0');
    await eventually('the update message', () => printer.orders.length > 0);
    path = printer.orders[0]!.url.slice(server.url.length);
  });
  afterEach(async () => {
    await printer.stop();
    await server.stop();
  });

  async function claim(): Promise<void> {
    const token = readFileSync(join(server.folder, 'claim-token'), 'utf8').trim();
    const made = await server.request<NewKeyResponse>('POST', '/api/keys/claim', { token, name: 'Ada' });
    admin = { authorization: `Bearer ${expectStatus(made, 201).key}` };
  }

  async function download(address: string, headers: Record<string, string> = {}): Promise<number> {
    const response = await fetch(server.url + address, { headers });
    const body = Buffer.from(await response.arrayBuffer());
    if (response.status === 200) expect(body.equals(image)).toBe(true);
    return response.status;
  }

  it('opens the download to its printer, again and again, in ranges, and after a restart', async () => {
    await claim();
    expect(await download(path)).toBe(200);
    expect(await download(path)).toBe(200);
    expect(await download(path, { range: 'bytes=0-9' })).toBe(206);
    await server.restart();
    expect(await download(path)).toBe(200);
    expect(await download(path)).toBe(200);
  });

  it('opens a download to none but its own printer, however near their numbers', async () => {
    await claim();
    const boards = await Promise.all(
      Array.from({ length: 9 }, () => connected(server, { behaviour: 'hang' })),
    );
    await eventually('the update messages', () => boards.every(({ orders }) => orders.length > 0));
    const queries = boards.map(({ orders }) => new URL(orders[0]!.url).searchParams);
    const tokens = queries.map((query) => query.get('token')!);
    const printers = queries.map((query) => query.get('printer')!);
    expect(new Set(tokens).size).toBe(9);
    for (const [mine, token] of tokens.entries()) {
      for (const [other, printer] of printers.entries()) {
        const url = `/api/firmware/download/1.5.0?printer=${printer}&token=${token}`;
        expect([mine, other, await download(url)]).toEqual([mine, other, mine === other ? 200 : 401]);
      }
    }
    await Promise.all(boards.map((board) => board.stop()));
  });

  it.each([
    ['no token', (url: string) => url.replace(/&token=.*/, '')],
    ['an empty token', (url: string) => url.replace(/token=.*/, 'token=')],
    ['the token of another printer', (url: string) => url.replace('printer=1', 'printer=2')],
    ['the token of another version', (url: string) => url.replace('1.5.0', '1.6.0')],
    ['a token without its printer', (url: string) => url.replace('printer=1&', '')],
    ['a later expiry than was signed', (url: string) => url.replace(/token=./, 'token=z')],
    ['one other character', (url: string) => url.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'))],
    ['two tokens', (url: string) => url.replace('&token=', '&token=x&token=')],
  ])('opens nothing with %s', async (_what, change) => {
    await claim();
    // Twice, with the image in memory and before: the two ways of answering must not differ.
    expect(await download(change(path))).toBe(401);
    expect(await download(path)).toBe(200);
    const refused = await server.request<ProblemBody>('GET', change(path));
    expect([refused.status, refused.body.detail]).toEqual([401, expect.stringContaining('API key')]);
  });

  it('expires after an hour, and says so', async () => {
    await claim();
    server.clock.advance(59 * 60_000);
    expect(await download(path)).toBe(200);
    server.clock.advance(2 * 60_000);
    const late = await server.request<ProblemBody>('GET', path);
    expect([late.status, late.body.detail]).toEqual([401, expect.stringContaining('expired')]);
  });

  it('stays valid for that hour, however the clock is set', async () => {
    await claim();
    server.clock.set(2 * 60 * 60_000);
    expect(await download(path)).toBe(200);
    server.clock.advance(61 * 60_000);
    expect(await download(path)).toBe(401);
    server.clock.set(-24 * 60 * 60_000);
    expect(await download(path)).toBe(401);
  });

  it('is not needed by whoever has a key, of any scope', async () => {
    await claim();
    const wanted = { name: 'build server', scopes: ['firmware:write'] };
    const { key } = expectStatus(
      await server.request<NewKeyResponse>('POST', '/api/keys', wanted, admin),
      201,
    );
    const bare = '/api/firmware/download/1.5.0';
    expect(await download(bare)).toBe(401);
    expect(await download(bare, { authorization: `Bearer ${key}` })).toBe(200);
    expect(await download(bare, { 'x-api-key': key })).toBe(200);
    expect(await download(bare, { authorization: 'Bearer pmk_unknown' })).toBe(401);
  });

  it('is not needed before there is a key', async () => {
    expect(await download('/api/firmware/download/1.5.0')).toBe(200);
    expect(await download('/api/firmware/download/1.5.0?token=nonsense&printer=1')).toBe(200);
  });

  it('stands in the log without its token, and its secret in a file of the owner alone', async () => {
    const token = new URLSearchParams(path.split('?')[1]).get('token')!;
    expect(await download(path)).toBe(200);
    const written = await eventually(
      'the request is logged',
      () => lines.filter((line) => line.includes('/api/firmware/download/1.5.0')),
      (found) => found.length > 0,
    );
    expect(written.join()).not.toContain(token);
    expect(statSync(join(server.folder, 'download-secret')).mode & 0o777).toBe(0o600);
  });
});

describe('A server with AUTH=none', () => {
  it('asks for no token, even if keys were made before', async () => {
    const server = await TestServer.start({ AUTH: 'none' });
    await upload(server, '1.5.0');
    await server.request('POST', '/api/keys', { name: 'Ada', scopes: ['admin'] });
    expect((await fetch(`${server.url}/api/firmware/download/1.5.0`)).status).toBe(200);
    await server.stop();
  });
});
