import { VirtualPrinter } from '../../src/simulator/virtual-printer.js';
import type { VirtualPrinterOptions } from '../../src/simulator/virtual-printer.js';

/** A virtual printer that remembers what the server owes it, and whether it was ever sent two different updates at once. */
export class RecordingPrinter extends VirtualPrinter {
  /** The version with which the server last accepted its subscribe. */
  accepted: string | null = null;
  /** Whatever the server must never do, in words. */
  readonly breaches: string[] = [];
  /** The version of the update that it was sent on this socket, and has reported no end of. */
  private underWay: string | null = null;
  private reportedFailure = false;

  constructor(options: VirtualPrinterOptions) {
    super(options);
    // A subscribe says what the printer runs: it is doing nothing else at that moment.
    this.on('subscribed', () => {
      this.accepted = this.version;
      this.underWay = null;
      this.reportedFailure = false;
    });
    this.on('order', ({ version }) => {
      // A failure that is reported late ends the update that the subscribe has just repeated; the next may follow it.
      if (this.underWay !== null && this.underWay !== version && !this.reportedFailure)
        this.breaches.push(`${options.uuid} was sent ${version} while ${this.underWay} was under way`);
      this.underWay = version;
    });
  }

  override send(message: object | string): void {
    const kind = typeof message === 'object' && 'kind' in message ? message.kind : null;
    if (kind === 'firmware_failed') this.reportedFailure = true;
    if (kind === 'firmware_failed' || kind === 'firmware_complete') this.underWay = null;
    super.send(message);
  }
}
