import { createHash, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { fetchBinary } from './fetch-binary.js';
import { connectionTrouble, refusalIn } from './trouble.js';

/** How a printer reacts to an update. */
export type Behaviour = 'update' | 'fail' | 'decline' | 'hang' | 'roll-back';

/** A parsed message of the server. */
export type ServerMessage = Record<string, unknown> & { kind?: unknown };

/** The update message (printer protocol, "Update"). */
export interface UpdateOrder {
  version: string;
  url: string;
  md5: string;
  /** Base64; absent if the build has none. */
  signature?: string;
}

/** Identity and behaviour of a virtual printer. */
export interface VirtualPrinterOptions {
  /** Address of the server, e.g. `http://localhost:8000`. */
  server: string;
  uuid: string;
  userId: string;
  name: string;
  version: string;
  platform?: string | null;
  channel?: string;
  autoUpdate?: boolean;
  behaviour?: Behaviour;
  /**
   * True: closes its socket while it downloads, as an ESP8266 does, so its `firmware_complete` is lost, and only the next subscribe reports
   * the new version. False: stays connected and reports its progress.
   */
  closesSocketToDownload?: boolean;
  /** Duration of a reboot in milliseconds. */
  rebootMs?: number;
  /** Installs only builds signed by this Ed25519 key; absent: installs every build whose MD5 is right. */
  publicKey?: KeyObject | undefined;
  /** Its secret; absent: it sends none. */
  apiKey?: string;
  /** Duration of each of the four steps of a download, in milliseconds; 0 by default. */
  stepMs?: number;
  /** Delay before a reconnect, in milliseconds; arduinoWebSockets waits 500. */
  reconnectMs?: number;
  /** Maximum number of recent messages to keep; all by default. */
  keeps?: number;
}

interface PrinterEvents {
  /** A message has arrived. */
  message: [ServerMessage];
  /** The subscribe was accepted. */
  subscribed: [];
  /** An update message has arrived. */
  order: [UpdateOrder];
  /** The printer now runs another version. */
  version: [string];
  /** The socket has closed. */
  disconnected: [];
}

const PROGRESS_STEPS = [25, 50, 75, 100];

/**
 * A PaperMinder printer in software: speaks the real protocol over real sockets, and behaves like a real board (docs/printer-protocol.md).
 * It reconnects until it is stopped.
 */
export class VirtualPrinter extends EventEmitter<PrinterEvents> {
  /** The version that it runs. */
  version: string;
  /** True while its socket is open and its subscribe is accepted. */
  subscribed = false;
  /** Why it is not connected, in a few words; null while it is connected, or while the reason is unknown. */
  trouble: string | null = null;
  /** The server's messages, in order. */
  readonly received: ServerMessage[] = [];
  /** Every update message, in order. */
  readonly orders: UpdateOrder[] = [];
  autoUpdate: boolean;
  behaviour: Behaviour;
  /** Progress of its update in per cent; null if no update is in progress. */
  percent: number | null = null;
  private socket: WebSocket | null = null;
  private running = false;
  private reconnectTimer: NodeJS.Timeout | undefined;
  private busy = false;
  // Sent after the next subscribe: a board that lost its socket reports once it is back.
  private unsentReport: object | null = null;

  constructor(readonly options: VirtualPrinterOptions) {
    super();
    this.version = options.version;
    this.autoUpdate = options.autoUpdate ?? true;
    this.behaviour = options.behaviour ?? 'update';
  }

  /** Connects, and reconnects by itself from then on. */
  start(): this {
    this.running = true;
    this.connect();
    return this;
  }

  /** Closes the socket and does not reconnect. */
  async stop(): Promise<void> {
    this.running = false;
    clearTimeout(this.reconnectTimer);
    await this.close();
  }

  /** Closes the socket; a running printer reconnects by itself. */
  async close(): Promise<void> {
    const { socket } = this;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.close();
    });
  }

  /** Terminates the socket without a close, like a board that loses power. */
  vanish(): void {
    this.socket?.terminate();
  }

  /** Sends a raw message. */
  send(message: object | string): void {
    this.socket?.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The subscribe message of this printer. */
  subscribeMessage(): Record<string, unknown> {
    const { uuid, userId, name, platform, channel, apiKey } = this.options;
    return {
      printer_name: name,
      printer_id: uuid,
      ...(apiKey === undefined ? {} : { api_key: apiKey }),
      user_id: userId,
      ...(platform == null ? {} : { platform }),
      firmware_version: this.version,
      auto_update: this.autoUpdate,
      update_channel: channel ?? 'stable',
    };
  }

  private connect(): void {
    const url = `${this.options.server.replace(/^http/, 'ws')}/ws/${this.options.userId}`;
    // The headers that arduinoWebSockets sends.
    const socket = new WebSocket(url, ['arduino'], { origin: 'file://', perMessageDeflate: false });
    this.socket = socket;
    socket.on('open', () => this.send(this.subscribeMessage()));
    socket.on('message', (data) => this.receive((data as Buffer).toString('utf8')));
    // A close event follows.
    socket.on('error', (error) => {
      this.trouble = connectionTrouble(error, this.options.server);
    });
    socket.on('close', () => {
      if (this.socket !== socket) return;
      this.subscribed = false;
      this.emit('disconnected');
      if (!this.busy) this.connectLater(this.options.reconnectMs ?? 500);
    });
  }

  private connectLater(milliseconds: number): void {
    clearTimeout(this.reconnectTimer);
    if (this.running) this.reconnectTimer = setTimeout(() => this.connect(), milliseconds);
  }

  private receive(text: string): void {
    const message = JSON.parse(text) as ServerMessage;
    this.received.push(message);
    if (this.received.length > (this.options.keeps ?? Infinity)) this.received.shift();
    this.emit('message', message);
    if (message.code === 'subscription_accepted') {
      this.subscribed = true;
      this.trouble = null;
      this.emit('subscribed');
      if (this.unsentReport) this.send(this.unsentReport);
      this.unsentReport = null;
    }
    if (!this.subscribed) this.trouble = refusalIn(message) ?? this.trouble;
    if (message.kind !== 'firmware_update') return;
    const order = message as unknown as UpdateOrder;
    this.orders.push(order);
    this.emit('order', order);
    if (!this.busy) void this.obey(order);
  }

  private async obey(order: UpdateOrder): Promise<void> {
    switch (this.behaviour) {
      case 'hang':
        this.percent = 0;
        return;
      case 'decline': {
        this.send({ kind: 'firmware_declined', version: order.version, auto_update: this.autoUpdate });
        return;
      }
      case 'fail':
        this.send({ kind: 'firmware_progress', percent: 10, status: 'Downloading 10%' });
        this.send({ kind: 'firmware_failed', error: 'Update failed: not enough space' });
        return;
      case 'update':
      case 'roll-back':
        return this.install(order);
    }
  }

  private async install(order: UpdateOrder): Promise<void> {
    this.busy = true;
    this.percent = 0;
    const closes = this.options.closesSocketToDownload ?? this.options.platform === 'esp8266';
    this.send({ kind: 'firmware_progress', percent: 0, status: 'Starting update' });
    try {
      if (closes) await this.close();
      await this.download(order, closes);
    } catch (error) {
      this.busy = false;
      this.percent = null;
      this.report({ kind: 'firmware_failed', error: `Update failed: ${(error as Error).message}` });
      return;
    }
    if (!closes) this.send({ kind: 'firmware_complete', version: order.version });
    await this.reboot(order);
  }

  /** Sends a report now, or after the next subscribe if the board or the server has closed the socket. */
  private report(report: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.send(report);
      return;
    }
    this.unsentReport = report;
    this.connectLater(this.options.reconnectMs ?? 500);
  }

  private async reboot(order: UpdateOrder): Promise<void> {
    await this.close();
    // A board that cannot start the new image returns to the old one.
    if (this.behaviour !== 'roll-back') {
      this.version = order.version;
      this.emit('version', order.version);
    }
    this.busy = false;
    this.percent = null;
    this.connectLater(this.options.rebootMs ?? 1_000);
  }

  private async download(order: UpdateOrder, closes: boolean): Promise<void> {
    const board = this.options.platform?.startsWith('esp32') ? 'ESP32' : 'ESP8266';
    const headers = {
      [`x-${board}-version`]: this.version,
      'user-agent': `${board}-http-Update`,
      connection: 'close',
    };
    const body = await fetchBinary(order.url, headers);
    if (createHash('md5').update(body).digest('hex') !== order.md5) throw new Error('MD5 Check failed');
    this.checkSignature(body, order.signature);
    for (const percent of PROGRESS_STEPS) {
      // A stopped printer must not keep the process alive.
      if (this.options.stepMs) await sleep(this.options.stepMs, undefined, { ref: false });
      this.percent = percent;
      if (!closes) this.send({ kind: 'firmware_progress', percent, status: `Downloading ${percent}%` });
    }
  }

  /** Verifies the signature with the board's own key, so that neither the sender of the image nor that of the signature need be trusted. */
  private checkSignature(body: Buffer, signature: string | undefined): void {
    const { publicKey } = this.options;
    if (publicKey === undefined) return;
    if (signature === undefined) throw new Error('the image is not signed');
    if (!verify(null, body, publicKey, Buffer.from(signature, 'base64')))
      throw new Error('the signature is not that of the image');
  }
}
