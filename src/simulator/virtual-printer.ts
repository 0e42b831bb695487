import { createHash, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { fetchBinary } from './fetch-binary.js';
import { connectionTrouble, refusalIn } from './trouble.js';

/** What a printer does with an update. */
export type Behaviour = 'update' | 'fail' | 'decline' | 'hang' | 'roll-back';

/** A message of the server, as it came. */
export type ServerMessage = Record<string, unknown> & { kind?: unknown };

/** The update message (printer protocol, "Update"). */
export interface UpdateOrder {
  version: string;
  url: string;
  md5: string;
  /** Base64; absent where the build has none. */
  signature?: string;
}

/** Who a virtual printer is, and how it behaves. */
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
   * True where it closes its socket while it downloads, as an ESP8266 does: its `firmware_complete` is lost, and only
   * the next subscribe tells. False: it stays connected and reports its progress.
   */
  closesSocketToDownload?: boolean;
  /** How long a reboot takes, in milliseconds. */
  rebootMs?: number;
  /** Installs only what this Ed25519 key has signed; without one, whatever has the right MD5. */
  publicKey?: KeyObject | undefined;
  /** Its secret; absent: it shows none. */
  apiKey?: string;
  /** How long each of the four steps of a download takes, in milliseconds; 0 by default. */
  stepMs?: number;
  /** How long it waits before it connects again, in milliseconds; arduinoWebSockets waits 500. */
  reconnectMs?: number;
  /** So many of the last messages it keeps; all by default. */
  keeps?: number;
}

interface PrinterEvents {
  /** A message came in. */
  message: [ServerMessage];
  /** The subscribe was accepted. */
  subscribed: [];
  /** An update message came in. */
  order: [UpdateOrder];
  /** The printer runs another version now. */
  version: [string];
  /** The socket has closed. */
  disconnected: [];
}

const PROGRESS_STEPS = [25, 50, 75, 100];

/**
 * A PaperMinder printer in software: speaks the real protocol over real sockets, and behaves as the boards do
 * (docs/printer-protocol.md). It reconnects until it is stopped.
 */
export class VirtualPrinter extends EventEmitter<PrinterEvents> {
  /** What it runs. */
  version: string;
  /** True while its socket is open and its subscribe was accepted. */
  subscribed = false;
  /** Why it is not connected, in a few words; null while it is, or nothing is known yet. */
  trouble: string | null = null;
  /** The messages of the server, in order. */
  readonly received: ServerMessage[] = [];
  /** Every update message, in order. */
  readonly orders: UpdateOrder[] = [];
  autoUpdate: boolean;
  behaviour: Behaviour;
  /** How far its update has got; null while it has none under way. */
  percent: number | null = null;
  private socket: WebSocket | null = null;
  private running = false;
  private reconnectTimer: NodeJS.Timeout | undefined;
  private busy = false;
  // Sent behind the next subscribe: a board that lost its socket reports when it is back.
  private unsentReport: object | null = null;

  constructor(readonly options: VirtualPrinterOptions) {
    super();
    this.version = options.version;
    this.autoUpdate = options.autoUpdate ?? true;
    this.behaviour = options.behaviour ?? 'update';
  }

  /** Connects, and from then on reconnects by itself. */
  start(): this {
    this.running = true;
    this.connect();
    return this;
  }

  /** Closes the socket and stays away. */
  async stop(): Promise<void> {
    this.running = false;
    clearTimeout(this.reconnectTimer);
    await this.close();
  }

  /** Closes the socket; a printer that runs comes back by itself. */
  async close(): Promise<void> {
    const { socket } = this;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.close();
    });
  }

  /** Cuts the socket without a close, as a board does that loses power. */
  vanish(): void {
    this.socket?.terminate();
  }

  /** Sends a message as it is. */
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
    // What arduinoWebSockets sends.
    const socket = new WebSocket(url, ['arduino'], { origin: 'file://', perMessageDeflate: false });
    this.socket = socket;
    socket.on('open', () => this.send(this.subscribeMessage()));
    socket.on('message', (data) => this.receive((data as Buffer).toString('utf8')));
    // A close follows.
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

  /** Reports now, or where the socket was closed meanwhile (by the board or by the server), behind the next subscribe. */
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
    // A board that cannot start the new image goes back to the old one.
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
      // One that was stopped meanwhile keeps no process alive.
      if (this.options.stepMs) await sleep(this.options.stepMs, undefined, { ref: false });
      this.percent = percent;
      if (!closes) this.send({ kind: 'firmware_progress', percent, status: `Downloading ${percent}%` });
    }
  }

  /** The key is in the board: whoever sends the image and its signature need not be trusted. */
  private checkSignature(body: Buffer, signature: string | undefined): void {
    const { publicKey } = this.options;
    if (publicKey === undefined) return;
    if (signature === undefined) throw new Error('the image is not signed');
    if (!verify(null, body, publicKey, Buffer.from(signature, 'base64')))
      throw new Error('the signature is not that of the image');
  }
}
