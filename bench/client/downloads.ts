import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { LoadResult } from '../ipc.js';
import { latencyOf, monotonicMs, sleep } from '../stats.js';
import { ClientCpu } from './client-cpu.js';

interface Source {
  port: number;
  /** Asked for one after the other; the clients share them out. */
  paths: readonly string[];
}

const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);
// Connections opened at once: a listener's queue holds 511 by default.
const OPENED_AT_ONCE = 100;
const OPEN_PAUSE_MS = 20;
// Bytes that a slow reader takes at a time.
const SIP_BYTES = 1_024;
const SIP_MS = 100;
const BEGIN_TIMEOUT_MS = 60_000;

/** Downloads each path once. Each client downloads one after the other, each time on a new connection, as boards do. */
export async function download(order: Source & { clients: number; bytes: number }): Promise<LoadResult> {
  const cpu = new ClientCpu();
  const took: number[] = [];
  let failed = 0;
  const waiting = [...order.paths];
  const client = async (): Promise<void> => {
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const startedAt = monotonicMs();
      const received = await downloadOnce(order.port, path);
      if (received > order.bytes) took.push(monotonicMs() - startedAt);
      else failed += 1;
    }
  };
  await Promise.all(Array.from({ length: order.clients }, client));
  return { done: took.length, failed, latency: latencyOf(took), ...cpu.stop() };
}

/** Resolves with how many bytes came, head and body. */
function downloadOnce(port: number, path: string): Promise<number> {
  return new Promise((resolve) => {
    let received = 0;
    const socket = connect({
      host: '127.0.0.1',
      port,
      onread: {
        buffer: READ_BUFFER,
        callback: (length) => {
          received += length;
          return true;
        },
      },
    });
    socket.on('connect', () => socket.write(request(port, path)));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(received));
  });
}

/** Opens many downloads that are read a few bytes at a time, keeps them for so long, and gives them up. */
export async function slowReaders(
  order: Source & { clients: number; seconds: number },
): Promise<{ open: number }> {
  const sockets: Socket[] = [];
  for (let index = 0; index < order.clients; index += 1) {
    const socket = connect({
      host: '127.0.0.1',
      port: order.port,
    });
    socket.pause();
    socket.on('connect', () =>
      socket.write(request(order.port, order.paths[index % order.paths.length] ?? '/')),
    );
    socket.on('error', () => socket.destroy());
    sockets.push(socket);
    if (index % OPENED_AT_ONCE === OPENED_AT_ONCE - 1) await sleep(OPEN_PAUSE_MS);
  }
  const begun = (): number => sockets.filter((socket) => socket.bytesRead > 0).length;
  const latest = monotonicMs() + BEGIN_TIMEOUT_MS;
  let until = Infinity;
  while (monotonicMs() < Math.min(until, latest)) {
    await sleep(SIP_MS);
    for (const socket of sockets) socket.read(SIP_BYTES);
    // The time begins when the last one has got something.
    if (until === Infinity && begun() === order.clients) until = monotonicMs() + order.seconds * 1_000;
  }
  const open = begun();
  for (const socket of sockets) socket.destroy();
  return { open };
}

/** As ESP8266httpUpdate sends it (printer protocol, "Download"). */
function request(port: number, path: string): string {
  return (
    `GET ${path} HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\nUser-Agent: ESP8266-http-Update\r\nConnection: close\r\n` +
    'x-ESP8266-Chip-ID: 1458415\r\nx-ESP8266-STA-MAC: 5C:CF:7F:16:40:EF\r\nx-ESP8266-AP-MAC: 5E:CF:7F:16:40:EF\r\n' +
    'x-ESP8266-free-space: 1671168\r\nx-ESP8266-sketch-size: 423120\r\n' +
    'x-ESP8266-sketch-md5: 5d41402abc4b2a76b9719d911017c592\r\nx-ESP8266-chip-size: 4194304\r\n' +
    'x-ESP8266-sdk-version: 2.2.2-dev(38a443e)\r\nx-ESP8266-mode: sketch\r\n\r\n'
  );
}
