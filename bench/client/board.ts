import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { subscribeMessage } from '../identity.js';
import type { Identity } from '../identity.js';
import { monotonicMs } from '../stats.js';
import { OPCODE, clientFrame, readFrames, textFrame } from './frames.js';

/** What a board tells its fleet. */
export interface BoardListener {
  handshakeDone(board: Board): void;
  accepted(board: Board): void;
  update(board: Board): void;
  validationError(board: Board): void;
  /** The connection has ended, or was refused before the printer was subscribed. */
  closed(board: Board, wasSubscribed: boolean): void;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
// Callbacks run one after the other: one buffer serves all sockets, and no read allocates another one.
const READ_BUFFER = Buffer.allocUnsafe(64 * 1024);
/**
 * One printer on a socket: the least that a WebSocket client must do, so that a process can be a fleet of them. It sends
 * the headers that boards send, subscribes, answers pings, and looks for nothing but the names of the messages.
 */
export class Board {
  startedAt = 0;
  /** True once this board was counted as connected: an update that is sent twice does not count twice. */
  isCounted = false;
  private updateMessage: string | null = null;
  private isSubscribed = false;
  private socket: Socket | null = null;
  private isOpen = false;
  private rest: Buffer | null = null;

  constructor(
    readonly index: number,
    private readonly printer: Identity,
    private readonly port: number,
    private readonly listener: BoardListener,
  ) {}

  /** Opens a new connection, and subscribes on it. */
  connect(): void {
    this.startedAt = monotonicMs();
    this.isOpen = false;
    this.isSubscribed = false;
    this.rest = null;
    const socket = connect({
      host: '127.0.0.1',
      port: this.port,
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (length) => {
          if (this.socket === socket) this.receive(READ_BUFFER.subarray(0, length));
          return true;
        },
      },
    });
    this.socket = socket;
    socket.on('connect', () => socket.write(this.handshake()));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.listener.closed(this, this.isSubscribed);
    });
  }

  /** True once the server has answered the handshake of the present connection. */
  get hasHandshake(): boolean {
    return this.isOpen;
  }

  /** Path and query of the download that it was sent last; null if it was sent none. */
  get downloadPath(): string | null {
    if (this.updateMessage === null) return null;
    const { url } = JSON.parse(this.updateMessage) as { url: string };
    const { pathname, search } = new URL(url);
    return pathname + search;
  }

  /** Sends a frame that was made before. */
  write(frame: Buffer): void {
    this.socket?.write(frame);
  }

  /** Ends the connection by a reset: thousands of ports that wait (TIME_WAIT) would slow the next connects down. */
  close(): void {
    if (this.socket?.connecting) this.socket.destroy();
    else this.socket?.resetAndDestroy();
  }

  private handshake(): string {
    // As arduinoWebSockets has it (printer protocol, "How the boards behave"). Any 16 bytes do for the key.
    return (
      `GET /ws/${this.printer.userId} HTTP/1.1\r\nHost: 127.0.0.1:${this.port}\r\nConnection: Upgrade\r\n` +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
      'Sec-WebSocket-Protocol: arduino\r\nOrigin: file://\r\nUser-Agent: arduino-WebSocket-Client\r\n\r\n'
    );
  }

  private receive(data: Buffer): void {
    let chunk = this.rest === null ? data : Buffer.concat([this.rest, data]);
    this.rest = null;
    if (!this.isOpen) {
      const end = chunk.indexOf(END_OF_HEAD);
      if (end !== -1 && !chunk.toString('latin1', 0, 12).endsWith(' 101')) {
        this.close();
        return;
      }
      if (end !== -1) {
        chunk = chunk.subarray(end + END_OF_HEAD.length);
        this.isOpen = true;
        this.listener.handshakeDone(this);
        this.write(textFrame(subscribeMessage(this.printer)));
      }
    }
    const read = this.isOpen ? readFrames(chunk, (opcode, payload) => this.frame(opcode, payload)) : 0;
    if (read < chunk.length) this.rest = Buffer.from(chunk.subarray(read));
  }

  private frame(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.ping) this.write(clientFrame(OPCODE.pong, payload));
    else if (opcode === OPCODE.close) this.close();
    else if (opcode === OPCODE.text) this.message(payload.toString('latin1'));
  }

  private message(text: string): void {
    if (text.includes('"firmware_update"')) {
      this.updateMessage = text;
      this.listener.update(this);
    } else if (text.includes('"validation_error"')) this.listener.validationError(this);
    else if (text.includes('"subscription_accepted"')) {
      this.isSubscribed = true;
      this.listener.accepted(this);
    }
  }
}
