import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { eventually } from './eventually.js';
import type { TestServer } from './server.js';

/** A board that says just what it is told to say. */
export class Board {
  readonly received: Array<Record<string, unknown>> = [];
  closed = false;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data) =>
      this.received.push(JSON.parse((data as Buffer).toString()) as Record<string, unknown>),
    );
    socket.on('close', () => (this.closed = true));
    socket.on('error', () => (this.closed = true));
  }

  static async open(server: TestServer, origin?: string): Promise<Board> {
    const url = `${server.url.replace('http', 'ws')}/ws/${randomUUID()}`;
    const board = new Board(new WebSocket(url, origin === undefined ? {} : { origin }));
    await eventually('the greeting or the end', () => board.received.length > 0 || board.closed);
    return board;
  }

  /** Sends a subscribe; resolves with the code of the answer. */
  async subscribe(printerId: string, apiKey?: string, more: object = {}): Promise<unknown> {
    const seen = this.received.length;
    const message = {
      printer_name: 'Front Desk',
      printer_id: printerId,
      firmware_version: '1.4.0',
      ...(apiKey === undefined ? {} : { api_key: apiKey }),
      ...more,
    };
    this.socket.send(JSON.stringify(message));
    await eventually('an answer', () => this.received.length > seen);
    return this.received[seen]!.code;
  }
}
