import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DownloadProgress } from '../src/firmware/download/download-progress.js';
import { UpdateLimits } from '../src/rollout/updates/update-limits.js';
import type { VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import { binary, connected, counts, roll, upload } from './support/factories.js';
import { TestServer } from './support/server.js';

const MINUTE = 60_000;
const IMAGE_BYTES = 2 * 1024 * 1024;

/** A client that reads only as much as the test wants, as a board with a weak Wi-Fi does. */
class SlowClient {
  received = 0;
  closed = false;

  private constructor(private readonly socket: Socket) {
    socket.on('error', () => undefined);
    socket.on('close', () => (this.closed = true));
  }

  static download(address: string, protocol: string): SlowClient {
    const { hostname, port, pathname, search } = new URL(address);
    const socket = connect(Number(port), hostname);
    socket.pause();
    socket.write(`GET ${pathname}${search} HTTP/${protocol}\r\nHost: x\r\n\r\n`);
    return new SlowClient(socket);
  }

  async read(bytes: number): Promise<void> {
    const end = this.received + bytes;
    await eventually('the client has read on', () => {
      const chunk = this.socket.read() as Buffer | null;
      this.received += chunk?.length ?? 0;
      return this.received >= end;
    });
  }

  stop(): void {
    this.socket.destroy();
  }
}

describe('A download', () => {
  let server: TestServer;
  let board: VirtualPrinter | undefined;
  let client: SlowClient | undefined;

  beforeAll(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0', {}, binary(IMAGE_BYTES));
  });
  afterEach(async () => {
    client?.stop();
    await board?.stop();
  });
  afterAll(() => server.stop());

  async function underWay(): Promise<{ id: number; url: string }> {
    board = await connected(server, { behaviour: 'hang' });
    const { id } = await roll(server, '1.5.0', { target: { printer_ids: [board.options.uuid] } });
    const one = board;
    await eventually('the update', () => one.orders.length === 1);
    return { id, url: one.orders[0]!.url };
  }

  /** What the server does by itself every few seconds. */
  async function tick(): Promise<void> {
    await server.get(DownloadProgress).sample();
    await server.get(UpdateLimits).check();
  }

  // HTTP/1.0 closes the socket while the kernel still holds most of the image; HTTP/1.1 keeps it.
  it.each(['1.0', '1.1'])(
    'over HTTP/%s keeps its update alive while its bytes flow, and not when it stalls',
    async (protocol) => {
      const { id, url } = await underWay();
      client = SlowClient.download(url, protocol);
      for (let times = 0; times < 4; times++) {
        await client.read(300_000);
        server.clock.advance(20 * MINUTE);
        await tick();
        expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
      }
      server.clock.advance(20 * MINUTE);
      await tick();
      expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
      server.clock.advance(10 * MINUTE);
      await tick();
      expect(await counts(server, id)).toEqual([0, 0, 0, 1, 0]);
    },
  );

  it('that breaks off is no sign of life any more', async () => {
    const { id, url } = await underWay();
    client = SlowClient.download(url, '1.0');
    await client.read(300_000);
    await tick();
    client.stop();
    server.clock.advance(15 * MINUTE);
    await tick();
    server.clock.advance(15 * MINUTE);
    await tick();
    expect(await counts(server, id)).toEqual([0, 0, 0, 1, 0]);
  });

  it('arrives whole, however slowly it is read', async () => {
    const { url } = await underWay();
    client = SlowClient.download(url, '1.0');
    while (!client.closed && client.received < IMAGE_BYTES) await client.read(100_000);
    expect(client.received).toBeGreaterThan(IMAGE_BYTES);
  });
});
