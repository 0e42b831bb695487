import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Offer } from '../rollout/updates/offer.service.js';
import type { SubscribeObserver } from '../rollout/rollout.service.js';
import type { ReportSource } from '../rollout/updates/update-reports.js';
import { updateMessage } from './messages.js';
import type { Origin } from './subscribe-message.js';

const DISMISSED = 4000;

/** Keeps account of the connections, and of who speaks for which printer. */
export interface ConnectionOwner {
  claim(connection: Connection): void;
  subscribed(connection: Connection, printerId: number): void;
  release(connection: Connection): void;
  of(printerUuid: string): Connection | undefined;
}

/** One open socket, and the printer behind it once that has subscribed. */
export class Connection implements SubscribeObserver, ReportSource {
  /** The printer's UUID; null before its first subscribe, and once one was refused. */
  printerUuid: string | null = null;
  /** The printer's number; null until its first subscribe is on record. */
  printerId: number | null = null;
  /** True once nothing more is heard from this socket: it has closed, or is being closed. */
  muted = false;
  /** The connection that spoke for the printer before, while the subscribe that takes it over is not committed. */
  replaces: Connection | null = null;
  /** When its printer was last taken over by another connection, the latest one last. */
  takeOvers: readonly number[] = [];
  private unwrittenSubscribes = 0;
  /** True while the last subscribe that was carried out is one that was accepted. */
  private isAccepted = false;
  /** Resolves when the last message has been handled and answered; null before the first. */
  work: Promise<void> | null = null;
  readonly openedAt = performance.now();
  private messages = 0;
  private second = 0;
  /** Pings that have not been answered. */
  missedPings = 0;

  /**
   * @param stream what the socket writes to
   * @param baseUrl where this printer reaches the server
   * @param maxUnreadBytes what may wait to be sent
   */
  constructor(
    private readonly owner: ConnectionOwner,
    private readonly socket: WebSocket,
    private readonly stream: Duplex,
    readonly origin: Origin,
    private readonly baseUrl: string,
    private readonly maxUnreadBytes: number,
  ) {}

  /** True while a subscribe of it waits to be written: until then, what is on record may be out of date. */
  get isSubscribing(): boolean {
    return this.unwrittenSubscribes > 0;
  }

  /** A subscribe came in, and is about to be handed in. */
  beginSubscribe(printerUuid: string): void {
    this.printerUuid = printerUuid;
    this.unwrittenSubscribes += 1;
  }

  subscribeWritten(): void {
    this.unwrittenSubscribes -= 1;
    this.isAccepted = true;
    this.owner.claim(this);
  }

  subscribeFailed(): void {
    this.unwrittenSubscribes -= 1;
    this.forgetPrinter();
  }

  /** Its subscribe was refused: it speaks for no printer. */
  forgetPrinter(): void {
    this.isAccepted = false;
    this.owner.release(this);
  }

  subscribeCommitted(printerId: number): void {
    this.owner.subscribed(this, printerId);
  }

  /** A board that reboots closes its socket right behind its report: only another connection takes its place. */
  mayReport(): boolean {
    const current = this.printerUuid === null ? undefined : this.owner.of(this.printerUuid);
    return this.isAccepted && (current === undefined || current === this);
  }

  /** Hears nothing more from the socket; from now on it speaks for no printer. */
  mute(): void {
    if (this.muted) return;
    this.muted = true;
    this.owner.release(this);
  }

  /** Sends text frames, all in one write; nothing where the socket is no longer open. Gives up one that does not read. */
  send(...texts: string[]): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (this.socket.bufferedAmount > this.maxUnreadBytes) {
      this.giveUp();
      return;
    }
    if (texts.length > 1) this.stream.cork();
    for (const text of texts) this.socket.send(text);
    if (texts.length > 1) this.stream.uncork();
  }

  /** The message that tells this printer of an update. */
  updateMessage(offer: Offer): string {
    return updateMessage(offer, this.baseUrl);
  }

  /** Counts a message; false where the socket has sent more in this second than it may. */
  mayReceive(perSecond: number): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.second) {
      this.second = second;
      this.messages = 0;
    }
    this.messages += 1;
    return this.messages <= perSecond;
  }

  /** Closes a socket that does not behave (RFC 6455 §7.4.1: 1008, policy violation). */
  closeForMisuse(reason: string): void {
    this.mute();
    this.socket.close(1008, reason);
  }

  /** Sends a ping, or gives the socket up where the last two were not answered. */
  ping(): void {
    if (this.missedPings >= 2 || this.socket.bufferedAmount > this.maxUnreadBytes) {
      this.giveUp();
      return;
    }
    this.missedPings += 1;
    if (this.socket.readyState === WebSocket.OPEN) this.socket.ping();
  }

  private giveUp(): void {
    this.mute();
    this.socket.terminate();
  }

  /** Closes the socket, and hears nothing more from it. */
  dismiss(reason: string): void {
    this.mute();
    this.socket.close(DISMISSED, reason);
  }

  /** Closes the socket; 1013 tells the printer to try again later (IANA WebSocket close codes). */
  closeToRetry(reason: string): void {
    this.mute();
    this.socket.close(1013, reason);
  }

  /** Closes the socket; 1012 tells the printer that the service restarts (IANA WebSocket close codes). */
  closeForRestart(): void {
    this.mute();
    this.socket.close(1012, 'service restart');
  }
}
