import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Connections } from '../../src/gateway/connections.js';
import type { VirtualPrinter } from '../../src/simulator/virtual-printer.js';
import { eventually } from '../support/eventually.js';
import { connected, details, expectStatus } from '../support/factories.js';
import { OPCODE, fragments, frame, serverFrames } from '../support/frames.js';
import { RawConnection } from '../support/raw-connection.js';
import { subscribeMessage } from '../support/raw-socket.js';
import { TestServer } from '../support/server.js';
import { expectStillWorks } from '../support/still-works.js';

const KIB_16 = 16 * 1024;

/** The request of a handshake, with headers that replace or (where empty) remove the usual ones. */
function handshake(
  changes: Record<string, string> = {},
  path = `/ws/${randomUUID()}`,
  method = 'GET',
): string {
  const headers = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...changes,
  };
  const lines = Object.entries(headers).filter(([, value]) => value !== '');
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

function hello(printerId: string = randomUUID()): string {
  return JSON.stringify(subscribeMessage({ printer_id: printerId }));
}

describe('A connection', () => {
  let server: TestServer;
  let bystander: VirtualPrinter;
  const connections: RawConnection[] = [];

  beforeAll(async () => {
    server = await TestServer.start({ SUBSCRIBE_TIMEOUT_SECONDS: '3' });
    bystander = await connected(server);
  });
  afterEach(async () => {
    for (const connection of connections.splice(0)) connection.destroy();
    // Nobody else has noticed: the printer has never had to come back, and operators are answered.
    const accepted = bystander.received.filter(({ code }) => code === 'subscription_accepted');
    expect(accepted).toHaveLength(1);
    expect(await details(server, bystander.options.uuid)).toMatchObject({ online: true });
  });
  afterAll(async () => {
    await bystander.stop();
    await server.stop();
  });

  async function tcp(): Promise<RawConnection> {
    const connection = await RawConnection.open(server);
    connections.push(connection);
    return connection;
  }

  async function open(): Promise<RawConnection> {
    const connection = await tcp();
    connection.send(handshake());
    await eventually('the greeting', () => connection.text.includes('connected'));
    return connection;
  }

  async function says(connection: RawConnection, code: string): Promise<string> {
    await eventually(`the answer ${code}`, () => connection.text.includes(code));
    return connection.text;
  }

  /** Waits until the server has ended a connection: the code that it gives as the reason (RFC 6455 §7.4.1). */
  async function endCode(connection: RawConnection, timeoutMs?: number): Promise<number | undefined> {
    await eventually('the end', () => connection.closed, Boolean, timeoutMs);
    const close = serverFrames(connection.received).find(({ opcode }) => opcode === OPCODE.close);
    return close?.payload.readUInt16BE(0);
  }

  describe('is understood', () => {
    it.each([
      ['in three fragments', (text: string): Buffer[] => fragments(text, 60)],
      ['in fragments of one byte', (text: string): Buffer[] => fragments(text, 1)],
      [
        'in fragments with pings between',
        (text: string): Buffer[] => fragments(text, 40).flatMap((one) => [one, frame(OPCODE.ping, 'x')]),
      ],
      [
        'in fragments of which some are empty',
        (text: string): Buffer[] => [
          frame(OPCODE.text, '', { fin: false }),
          ...Array<Buffer>(100).fill(frame(OPCODE.continuation, '', { fin: false })),
          frame(OPCODE.continuation, text),
        ],
      ],
      [
        'byte by byte',
        (text: string): Buffer[] => [...frame(OPCODE.text, text)].map((byte) => Buffer.from([byte])),
      ],
    ])('%s', async (_what, cut) => {
      const connection = await open();
      const printerId = randomUUID();
      for (const part of cut(hello(printerId))) {
        connection.send(part);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await says(connection, 'subscription_accepted');
      expect(await details(server, printerId)).toMatchObject({ online: true, firmware_version: '1.4.0' });
    });

    it('if the first frame comes with the handshake', async () => {
      const connection = await tcp();
      connection.send(Buffer.concat([Buffer.from(handshake()), frame(OPCODE.text, hello())]));
      await says(connection, 'subscription_accepted');
    });

    it('if a message has exactly 16 KiB', async () => {
      const connection = await open();
      connection.send(frame(OPCODE.text, hello().padEnd(KIB_16)));
      await says(connection, 'subscription_accepted');
    });
  });

  it('with binary frames, whole or in fragments, is told that they are none of a printer', async () => {
    const connection = await open();
    connection.send(Buffer.concat(fragments(hello(), 20, OPCODE.binary)));
    expect(await says(connection, 'validation_error')).toContain('message must be a text frame');
    connection.send(frame(OPCODE.text, hello()));
    await says(connection, 'subscription_accepted');
  });

  it.each([
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['half a character as bytes', Buffer.from([0xed, 0xa0, 0x80])],
  ])('with %s is told so, and stays', async (_what, bytes) => {
    const connection = await open();
    connection.send(frame(OPCODE.text, bytes));
    expect(await says(connection, 'validation_error')).toContain('message must be JSON');
    connection.send(frame(OPCODE.text, hello()));
    await says(connection, 'subscription_accepted');
  });

  it.each([
    ['a reserved opcode', frame(3, 'x'), 1002],
    ['a reserved opcode of control', frame(11, 'x'), 1002],
    ['a frame that is not masked', frame(OPCODE.text, hello(), { masked: false }), 1002],
    ['a reserved bit', frame(OPCODE.text, hello(), { reserved: 4 }), 1002],
    ['the bit of a compression that was not agreed on', frame(OPCODE.text, hello(), { reserved: 1 }), 1002],
    ['the middle of a message', frame(OPCODE.continuation, 'x'), 1002],
    [
      'a message within a message',
      Buffer.concat([frame(OPCODE.text, 'x', { fin: false }), frame(OPCODE.text, 'x')]),
      1002,
    ],
    ['a ping in fragments', frame(OPCODE.ping, 'x', { fin: false }), 1002],
    ['a ping of 126 bytes', frame(OPCODE.ping, 'x'.repeat(126)), 1002],
    ['a close with a code that is none', frame(OPCODE.close, Buffer.from([0, 1])), 1002],
    ['a close with half a code', frame(OPCODE.close, 'x'), 1002],
    ['plain HTTP', Buffer.from(`GET /api/printers HTTP/1.1\r\nHost: localhost\r\n\r\n`), 1002],
    ['16 KiB and a byte in one frame', frame(OPCODE.binary, 'x'.repeat(KIB_16 + 1)), 1009],
    ['16 KiB and a byte in fragments', Buffer.concat(fragments('x'.repeat(KIB_16 + 1), 1_000)), 1009],
    ['a frame that says to have a gibibyte', frame(OPCODE.text, 'x', { length: 1n << 30n }), 1009],
    ['a frame that says to have 2^63 bytes', frame(OPCODE.text, 'x', { length: 1n << 63n }), 1009],
    [
      '20,000 empty fragments',
      Buffer.concat([
        frame(OPCODE.text, '', { fin: false }),
        ...Array<Buffer>(20_000).fill(frame(OPCODE.continuation, '', { fin: false })),
      ]),
      1008,
    ],
    ['2,000 pings', Buffer.concat(Array<Buffer>(2_000).fill(frame(OPCODE.ping, 'x'))), 1008],
    [
      '2,000 pongs that nobody asked for',
      Buffer.concat(Array<Buffer>(2_000).fill(frame(OPCODE.pong, 'x'))),
      1008,
    ],
  ])('with %s is ended', async (_what, bytes, code) => {
    const connection = await open();
    connection.send(bytes);
    // Some ends wait for the other side to agree, for half a minute (RFC 6455 §7.1.1).
    await eventually('its close', () =>
      serverFrames(connection.received).some(({ opcode }) => opcode === OPCODE.close),
    );
    connection.end();
    expect(await endCode(connection)).toBe(code);
  });

  it.each([
    ['another version', { 'Sec-WebSocket-Version': '7' }, 400],
    ['no key', { 'Sec-WebSocket-Key': '' }, 400],
    ['a key that is too short', { 'Sec-WebSocket-Key': 'x' }, 400],
    ['subprotocols that are none', { 'Sec-WebSocket-Protocol': 'a,,b' }, 400],
    ['a header without a name', { ': x': 'x' }, 400],
    ['headers of 20 KiB', { 'X-Long': 'x'.repeat(20 * 1024) }, 431],
  ])('whose handshake has %s does not come about', async (_what, changes, status) => {
    const connection = await tcp();
    expect(await connection.send(handshake(changes)).status()).toBe(status);
    await eventually('the end', () => connection.closed);
  });

  it('whose handshake is no GET does not come about', async () => {
    const connection = await tcp();
    expect(await connection.send(handshake({}, undefined, 'POST')).status()).toBe(405);
    await eventually('the end', () => connection.closed);
  });

  it('that comes to nothing ends in a bounded time, in whatever state it is', async () => {
    const silent = await tcp();
    const unfinished = (await tcp()).send(handshake().slice(0, -2));
    const slow = await tcp();
    const letters = [...handshake().repeat(10)];
    const drip = setInterval(() => slow.send(letters.shift() ?? ''), 500);
    const opened = await open();
    const inFrame = (await open()).send(frame(OPCODE.text, hello()).subarray(0, 20));
    const inMessage = (await open()).send(frame(OPCODE.text, '{', { fin: false }));
    const all = [silent, unfinished, slow, opened, inFrame, inMessage];
    const endCodes = await Promise.all(all.map((one) => endCode(one, 30_000))).finally(() =>
      clearInterval(drip),
    );
    expect(endCodes).toEqual([undefined, undefined, undefined, 1008, 1008, 1008]);
  }, 60_000);

  it.each([
    ['what it is told', frame(OPCODE.text, 'x')],
    [
      'the answers to its pings',
      Buffer.concat([...Array<Buffer>(9).fill(frame(OPCODE.ping, 'x'.repeat(125))), frame(OPCODE.text, 'x')]),
    ],
  ])(
    'that does not read %s is ended, and fills no memory',
    async (_what, bytes) => {
      const patient = await TestServer.start({ MAX_MESSAGES_PER_SECOND: '1000000' });
      const connection = await RawConnection.open(patient);
      connections.push(connection.send(handshake()));
      await eventually('the greeting', () => connection.text.includes('connected'));
      connection.pause();
      const burst = Buffer.concat(Array<Buffer>(5_000).fill(bytes));
      // The kernels keep some megabytes for whoever does not read; a hundred times that is sent.
      for (let sent = 0; sent < 100 && patient.get(Connections).count > 0; sent++) {
        connection.send(burst);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(patient.get(Connections).count).toBe(0);
      connection.destroy();
      await patient.stop();
    },
    60_000,
  );

  it('of every kind has left a server that still works', async () => {
    expectStatus(await server.request('GET', '/api/printers'), 200);
    await expectStillWorks(server);
  });
});
