import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { LoadResult } from '../ipc.js';
import { latencyOf, monotonicMs } from '../stats.js';
import { ClientCpu } from './client-cpu.js';

interface HttpLoadOrder {
  port: number;
  path: string;
  maxId: number;
  connections: number;
  seconds: number;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const CONTENT_LENGTH = /\r\ncontent-length: (\d+)/i;

/**
 * Sends requests over keep-alive connections, each as soon as the previous one is answered. Written by hand, because Node's own client
 * costs more than the measured servers.
 */
export async function httpLoad(order: HttpLoadOrder): Promise<LoadResult> {
  const cpu = new ClientCpu();
  const took: number[] = [];
  let failed = 0;
  const until = monotonicMs() + order.seconds * 1_000;
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect({
        host: '127.0.0.1',
        port: order.port,
        noDelay: true,
      });
      let startedAt = 0;
      let waiting = false;
      const ask = (): void => {
        if (monotonicMs() >= until) {
          socket.destroy();
          return;
        }
        const id = 1 + Math.floor(Math.random() * order.maxId);
        startedAt = monotonicMs();
        waiting = true;
        socket.write(
          `GET ${order.path.replace('{id}', String(id))} HTTP/1.1\r\nHost: 127.0.0.1:${order.port}\r\n\r\n`,
        );
      };
      onAnswers(socket, (ok) => {
        if (ok) took.push(monotonicMs() - startedAt);
        else failed += 1;
        waiting = false;
        ask();
      });
      socket.on('connect', ask);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        if (waiting) failed += 1;
        resolve();
      });
    });
  await Promise.all(Array.from({ length: order.connections }, one));
  return { done: took.length, failed, latency: latencyOf(took), ...cpu.stop() };
}

/** Calls back for every complete answer; true if its status is 200. */
function onAnswers(socket: Socket, onAnswer: (ok: boolean) => void): void {
  let parts: Buffer[] = [];
  let received = 0;
  let expected = Infinity;
  let ok = false;
  socket.on('data', (data: Buffer) => {
    parts.push(data);
    received += data.length;
    if (expected === Infinity) {
      const all = parts.length === 1 ? data : Buffer.concat(parts);
      const end = all.indexOf(END_OF_HEAD);
      if (end === -1) return;
      const head = all.toString('latin1', 0, end);
      ok = head.startsWith('HTTP/1.1 200');
      expected = end + END_OF_HEAD.length + Number(CONTENT_LENGTH.exec(head)?.[1] ?? 0);
    }
    if (received < expected) return;
    parts = [];
    received = 0;
    expected = Infinity;
    onAnswer(ok);
  });
}
