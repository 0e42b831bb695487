import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { RawConnection, sendRaw } from '../support/raw-connection.js';
import { TestServer } from '../support/server.js';
import { expectNothingIncoming, expectStillWorks } from '../support/still-works.js';

const BOUNDARY = 'boundary';
const END = `--${BOUNDARY}--\r\n`;

function field(name: string, value: string): string {
  return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
}

function file(name = 'file', content = 'x'.repeat(5_000)): string {
  return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"; filename="x.bin"\r\n\r\n${content}\r\n`;
}

const DEEP = `a${'[a]'.repeat(5_000)}`;
const GOOD = field('version', '9.9.9') + file() + END;

/** An upload whose length is said to be another one than it is. */
function upload(form: string, headers = `Content-Length: ${form.length}`): string {
  return (
    `POST /api/firmware/upload HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n` +
    `Content-Type: multipart/form-data; boundary=${BOUNDARY}\r\n\r\n${form}`
  );
}

function chunked(form: string, size = 100): string {
  const parts = form.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
  return parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('') + '0\r\n\r\n';
}

describe('A form', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());
  afterEach(async () => {
    await expectNothingIncoming(server);
    expect(await server.uploaded()).toEqual(['incoming']);
  });

  it.each([
    ['is shorter than it says and ends', upload(GOOD, `Content-Length: ${GOOD.length + 100}`)],
    ['is longer than it says', upload(GOOD, `Content-Length: ${GOOD.length - 100}`)],
    ['ends in the middle of its file', upload(GOOD.slice(0, 2_000), `Content-Length: ${GOOD.length}`)],
    [
      'ends in the middle of a chunk',
      upload('1000\r\n' + GOOD.slice(0, 2_000), 'Transfer-Encoding: chunked'),
    ],
  ])('that %s is not taken', async (_what, bytes) => {
    const connection = await RawConnection.open(server);
    const status = await connection.send(bytes).end().status();
    expect([null, 400]).toContain(status);
    await eventually('the connection is closed', () => connection.closed);
    connection.destroy();
  });

  it.each([
    ['is cut short, as it says itself', upload(GOOD.slice(0, 2_000)), 'body'],
    ['has no end', upload(field('version', '9.9.9') + file()), 'body'],
    ['has no parts', upload(END), 'version'],
    ['has no bytes', upload(''), 'body'],
    ['has two files', upload(field('version', '9.9.9') + file() + file() + END), 'body'],
    ['has a file of another name', upload(field('version', '9.9.9') + file('firmware') + END), 'firmware'],
    ['has a file where a text belongs', upload(file('version') + END), 'version'],
    ['has no file', upload(field('version', '9.9.9') + END), 'file'],
    ['has a text instead of a file', upload(field('version', '9.9.9') + field('file', 'x') + END), 'file'],
    ['has a field without a name', upload(field('', 'x') + GOOD), 'body'],
    ['has a field twice', upload(field('version', '1.0.0') + GOOD), 'version'],
    ['has a field that is a list', upload(field('channel[]', 'beta') + GOOD), 'channel'],
    ['has a field that is an object', upload(field('channel[a]', 'beta') + GOOD), 'channel'],
    ['has a list of a million', upload(field('channel[1000000]', 'beta') + GOOD), 'channel[1000000]'],
    ['has a field that is nested without end', upload(field(DEEP, 'x') + GOOD), DEEP],
    [
      'has a text of a megabyte and more',
      upload(field('changelog', 'x'.repeat(1_048_577)) + GOOD),
      'changelog',
    ],
    ['has a changelog that is too long', upload(field('changelog', 'x'.repeat(100_001)) + GOOD), 'changelog'],
    ['has 1,000 fields', upload(manyFields(1_000) + GOOD), 'body'],
    ['has 10,000 fields', upload(manyFields(10_000) + GOOD), 'body'],
    ['has a prototype', upload(field('__proto__', 'x') + GOOD), '__proto__'],
    ['has a prototype with a member', upload(field('__proto__[mandatory]', 'true') + GOOD), '__proto__'],
    ['has a constructor', upload(field('constructor', 'x') + GOOD), 'constructor'],
    ['has a constructor inside', upload(field('channel[constructor]', 'x') + GOOD), 'channel.constructor'],
    [
      'has a part without an end of its headers',
      upload(`--${BOUNDARY}\r\nContent-Disposition: form-data`),
      'body',
    ],
    ['has headers that are none', upload(`--${BOUNDARY}\r\n${'x'.repeat(100_000)}\r\n\r\n` + GOOD), 'body'],
  ])('that %s is refused by name', async (_what, bytes, name) => {
    const { status, connection } = await sendRaw(server, bytes);
    expect(status).toBe(400);
    const { errors } = connection.body as { errors: Array<{ field: string }> };
    expect(errors.map((error) => error.field)).toEqual([name]);
  });

  it('of another kind is refused', async () => {
    const mixed = upload(GOOD).replace('multipart/form-data', 'multipart/mixed');
    expect((await sendRaw(server, mixed)).status).toBe(415);
    const text = upload('version=9.9.9').replace(
      /multipart\/form-data.*/,
      'application/x-www-form-urlencoded',
    );
    expect((await sendRaw(server, text)).status).toBe(400);
  });

  it.each([
    ['two lengths', `Content-Length: ${GOOD.length}\r\nContent-Length: 5`],
    ['a length and chunks', `Content-Length: 5\r\nTransfer-Encoding: chunked`],
    ['a negative length', 'Content-Length: -1'],
    ['a length that is no number', 'Content-Length: many'],
    ['a length beyond all bounds', `Content-Length: ${'9'.repeat(30)}`],
    ['chunks of another coding', 'Transfer-Encoding: chunked, gzip'],
  ])('with %s is no request at all: the connection is closed', async (_what, headers) => {
    const connection = await RawConnection.open(server);
    expect(await connection.send(upload(GOOD, headers)).status()).toBe(400);
    await eventually('the connection is closed', () => connection.closed);
    connection.destroy();
  });
});

describe('After forms of every kind', () => {
  it('the server takes one in chunks, and still works', async () => {
    const server = await TestServer.start();
    const broken = await RawConnection.open(server);
    broken.send(upload(GOOD.slice(0, 2_000), `Content-Length: ${GOOD.length}`));
    await eventually(
      'the upload has begun',
      () => readdir(join(server.uploads, 'incoming')),
      (names) => names.length === 1,
    );
    // Another one is taken while that one waits.
    const answer = await sendRaw(server, upload(chunked(GOOD), 'Transfer-Encoding: chunked'));
    expect(answer.status).toBe(201);
    broken.destroy();
    await expectStillWorks(server);
    await server.stop();
  });
});

function manyFields(count: number): string {
  return Array.from({ length: count }, (_, index) => field(`f${index}`, 'x')).join('');
}
