import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Offer } from '../rollout/updates/offer.js';
import type { SubscribeObserver } from '../rollout/rollout.service.js';
import type { ReportSource } from '../rollout/updates/update-reports.js';
import { updateMessage } from './messages.js';
import type { Origin } from './subscribe-message.js';

const DISMISSED = 4000;

/** Keeps track of the connections, and of which one speaks for which printer. */
export interface ConnectionOwner {
  accept(connection: Connection, printerId: number): void;
  release(connection: Connection): void;
  of(printerUuid: string): Connection | undefined;
}

/** One open socket, and its printer once that has subscribed. */
export class Connection implements SubscribeObserver, ReportSource {
  /** The printer's UUID; null before the first subscribe, and after a refused one. */
  printerUuid: string | null = null;
  /** The printer's number; null until its first subscribe is recorded. */
  printerId: number | null = null;
  /** True once the socket has closed or is being closed; its messages are ignored from then on. */
  muted = false;
  /** Times at which another connection took the printer over, in epoch milliseconds, the latest last. */
  takeOvers: readonly number[] = [];
  private subscribing = false;
  /** Frames that have arrived behind the subscribe in progress. */
  private readonly held: Array<() => void> = [];
  /** True if the last subscribe that was carried out was accepted. */
  private isAccepted = false;
  /** Resolves when all messages so far have been handled and answered; null before the first. */
  work: Promise<void> | null = null;
  /** When it was opened, or was last refused after it had been accepted; milliseconds of `performance.now`. */
  silentSince = performance.now();
  private messages = 0;
  private second = 0;
  /** Number of unanswered pings. */
  missedPings = 0;

  /**
   * @param stream the stream below the socket
   * @param baseUrl the address at which this printer reaches the server
   * @param maxUnreadBytes maximum bytes that may be buffered for this printer
   */
  constructor(
    private readonly owner: ConnectionOwner,
    private readonly socket: WebSocket,
    private readonly stream: Duplex,
    readonly origin: Origin,
    private readonly baseUrl: string,
    private readonly maxUnreadBytes: number,
  ) {}

  /** True from the arrival of a subscribe until it is answered: the printer's record may be out of date. */
  get isSubscribing(): boolean {
    return this.subscribing;
  }

  /** Called when a subscribe has arrived. */
  beginSubscribe(): void {
    this.subscribing = true;
  }

  /** Keeps a frame that has arrived behind a subscribe until that is answered. */
  hold(receive: () => void): void {
    this.held.push(receive);
  }

  /** Called when the subscribe has been answered: receives the frames behind it, up to the next subscribe. */
  endSubscribe(): void {
    this.subscribing = false;
    while (!this.isSubscribing) {
      const receive = this.held.shift();
      if (receive === undefined) return;
      receive();
    }
  }

  subscribed(printerId: number): void {
    this.isAccepted = true;
    this.owner.accept(this, printerId);
  }

  /** Called when its subscribe was refused: it then speaks for no printer. */
  forgetPrinter(): void {
    this.isAccepted = false;
    this.owner.release(this);
  }

  /**
   * True if reports are accepted. A board that reboots closes its socket right after its report, so a closed socket still counts as the
   * printer's until another connection replaces it.
   */
  mayReport(): boolean {
    const current = this.printerUuid === null ? undefined : this.owner.of(this.printerUuid);
    return this.isAccepted && (current === undefined || current === this);
  }

  /** Ignores the socket from now on; it no longer speaks for a printer. */
  mute(): void {
    if (this.muted) return;
    this.muted = true;
    this.owner.release(this);
  }

  /** Sends text frames in one write; does nothing if the socket is not open. Terminates a socket that does not read. */
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

  /** The message that offers this printer an update. */
  updateMessage(offer: Offer): string {
    return updateMessage(offer, this.baseUrl);
  }

  /** Counts a message; false if the socket has exceeded its limit for this second. */
  mayReceive(perSecond: number): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.second) {
      this.second = second;
      this.messages = 0;
    }
    this.messages += 1;
    return this.messages <= perSecond;
  }

  /** Closes a socket that breaks the protocol (RFC 6455 §7.4.1: 1008, policy violation). */
  closeForMisuse(reason: string): void {
    this.mute();
    this.socket.close(1008, reason);
  }

  /** Sends a ping, or terminates the socket if the last two were not answered. */
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

  /** Closes the socket, and ignores its messages from now on. */
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
