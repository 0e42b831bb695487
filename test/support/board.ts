import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { eventually } from './eventually.js';
import { RawSocket, subscribeMessage } from './raw-socket.js';
import type { TestServer } from './server.js';

/** A board that says just what it is told to say; unlike a `RawSocket`, it may be turned away. */
export class Board extends RawSocket {
  static async connect(server: TestServer, origin?: string): Promise<Board> {
    const url = `${server.url.replace('http', 'ws')}/ws/${randomUUID()}`;
    const board = new Board(new WebSocket(url, origin === undefined ? {} : { origin }));
    await eventually('the greeting or the end', () => board.received.length > 0 || board.closed);
    return board;
  }

  get closed(): boolean {
    return this.closeCode !== null;
  }

  /** Sends a subscribe; resolves with the code of the answer. */
  async subscribe(printerId: string, apiKey?: string, more: object = {}): Promise<unknown> {
    const answer = await this.ask(subscribeMessage({ printer_id: printerId, api_key: apiKey, ...more }));
    return answer.code;
  }
}
