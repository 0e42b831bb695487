import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { eventually } from './eventually.js';
import type { TestServer } from './server.js';

/** A TCP connection to the server, for what no HTTP client would send. */
export class RawConnection {
  /** All that the server has sent. */
  received = Buffer.alloc(0);
  /** True once the server has closed the connection, or broken it off. */
  closed = false;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk) => (this.received = Buffer.concat([this.received, chunk])));
    socket.on('end', () => (this.closed = true));
    socket.on('close', () => (this.closed = true));
    // A server may answer and close before it has read all of a request that it refuses.
    socket.on('error', () => (this.closed = true));
  }

  static async open(server: TestServer): Promise<RawConnection> {
    const { port, hostname } = new URL(server.url);
    // Half open, so that a test can end its request and still read the answer.
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true, noDelay: true });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  /** Sends bytes as they are; a text as Latin-1, so that each character is one byte. */
  send(bytes: string | Uint8Array): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  /** Says that nothing more will come; the answer can still be read. */
  end(): this {
    this.socket.end();
    return this;
  }

  /** Reads nothing more. */
  pause(): void {
    this.socket.pause();
  }

  /** Reads on. */
  resume(): void {
    this.socket.resume();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** All that came, as text. */
  get text(): string {
    return this.received.toString('latin1');
  }

  /** Waits for the first answer as a whole: its status; null if the connection was closed without one. */
  async status(): Promise<number | null> {
    await eventually('an answer or the end', () => this.closed || this.hasAnswer());
    const [, code] = /^HTTP\/1\.1 (\d{3}) /.exec(this.text) ?? [];
    return code === undefined ? null : Number(code);
  }

  /** The body of the first answer, parsed. */
  get body(): unknown {
    const [, head = '', rest = ''] = /^([^]*?\r\n\r\n)([^]*)$/.exec(this.text) ?? [];
    return JSON.parse(rest.slice(0, lengthIn(head))) as unknown;
  }

  private hasAnswer(): boolean {
    const end = this.text.indexOf('\r\n\r\n');
    return end >= 0 && this.received.length >= end + 4 + lengthIn(this.text.slice(0, end));
  }
}

function lengthIn(head: string): number {
  return Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
}

/** Sends one request byte for byte, and waits for what becomes of it. */
export async function sendRaw(
  server: TestServer,
  bytes: string | Uint8Array,
): Promise<{ status: number | null; text: string; connection: RawConnection }> {
  const connection = await RawConnection.open(server);
  const status = await connection.send(bytes).status();
  connection.destroy();
  return { status, text: connection.text, connection };
}
