import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { eventually } from './eventually.js';
import type { Reachable } from './server.js';

/** What a printer says of itself when it subscribes: a new one, unless the changes name one. */
export function subscribeMessage(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { printer_name: 'Front Desk', printer_id: randomUUID(), firmware_version: '1.4.0', ...changes };
}

/** A printer's socket that does nothing by itself. */
export class RawSocket {
  readonly received: Array<Record<string, unknown>> = [];
  closeCode: number | null = null;

  protected constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => {
      this.received.push(JSON.parse((data as Buffer).toString()) as Record<string, unknown>);
    });
    socket.on('close', (code) => (this.closeCode = code));
    socket.on('error', () => undefined);
  }

  /** Opens a socket that must be let in; `localAddress` is the address that it comes from. */
  static async open(
    server: Pick<Reachable, 'url'>,
    path = `/ws/${randomUUID()}`,
    protocols: string[] = [],
    localAddress?: string,
  ): Promise<RawSocket> {
    const url = server.url.replace('http', 'ws') + path;
    const raw = new RawSocket(new WebSocket(url, protocols, localAddress ? { localAddress } : {}));
    await eventually('the greeting', () => raw.received.length > 0);
    return raw;
  }

  /** Tries a handshake: 101 where it is let in (and closed again), else the status that it is refused with. */
  static tryOpen(server: Pick<Reachable, 'url'>, localAddress?: string): Promise<number> {
    const url = `${server.url.replace('http', 'ws')}/ws/${randomUUID()}`;
    const socket = new WebSocket(url, localAddress ? { localAddress } : {});
    return new Promise<number>((resolve, reject) => {
      socket.on('open', () => resolve(101));
      socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0));
      socket.on('error', reject);
    }).finally(() => socket.terminate());
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
