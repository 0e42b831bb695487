import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { eventually } from './eventually.js';
import type { TestServer } from './server.js';

/** A socket that does nothing by itself. */
export class RawSocket {
  readonly received: Array<Record<string, unknown>> = [];
  closeCode: number | null = null;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => {
      this.received.push(JSON.parse((data as Buffer).toString()) as Record<string, unknown>);
    });
    socket.on('close', (code) => (this.closeCode = code));
    socket.on('error', () => undefined);
  }

  static async open(
    server: TestServer,
    path = `/ws/${randomUUID()}`,
    protocols: string[] = [],
  ): Promise<RawSocket> {
    const raw = new RawSocket(new WebSocket(server.url.replace('http', 'ws') + path, protocols));
    await eventually('the greeting', () => raw.received.length > 0);
    return raw;
  }

  /** Sends a frame, and waits for the answer to it. */
  async ask(message: unknown): Promise<Record<string, unknown>> {
    const seen = this.received.length;
    this.socket.send(
      typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message),
    );
    await eventually('an answer', () => this.received.length > seen);
    return this.received[seen]!;
  }
}
