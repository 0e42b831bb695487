import { Injectable } from '@nestjs/common';
import type { Transaction } from './transaction.js';

/** What has changed since somebody last asked. */
export interface Noted {
  /** Numbers of printers that came, went or changed, or whose update did; `all` where they are too many to name. */
  printers: readonly number[] | 'all';
  /** True where firmware was uploaded, changed or deleted. */
  firmware: boolean;
}

// Beyond so many, whoever shows them reads them all anew.
const MAX_NAMED = 1_000;

/**
 * Notes what has changed, for one who watches. While nobody does, a note is one look at a boolean: the paths that every printer takes
 * can afford it.
 */
@Injectable()
export class Changes {
  private watched = false;
  private wake: () => void = () => undefined;
  private readonly printers = new Set<number>();
  private firmware = false;

  /** A printer has come or gone. */
  printer(id: number): void {
    if (this.watched) this.notePrinter(id);
  }

  /** A printer, or its update, changes with this transaction. */
  printerIn(tx: Transaction, id: number): void {
    if (this.watched) tx.afterCommit(() => this.notePrinter(id));
  }

  /** Firmware is uploaded, changed or deleted in this transaction. */
  firmwareIn(tx: Transaction): void {
    if (this.watched) tx.afterCommit(() => this.noteFirmware());
  }

  /** Firmware has changed, and no transaction tells of it: a binary was found damaged, or whole again. */
  firmwareNow(): void {
    if (this.watched) this.noteFirmware();
  }

  /**
   * Begins to note.
   *
   * @param wake called with every note that may be the first since the last `take`
   */
  watch(wake: () => void): void {
    this.watched = true;
    this.wake = wake;
  }

  /** Ends it. */
  unwatch(): void {
    this.watched = false;
    this.take();
  }

  /** What was noted since the last time. */
  take(): Noted {
    const noted: Noted = {
      printers: this.printers.size > MAX_NAMED ? 'all' : [...this.printers],
      firmware: this.firmware,
    };
    this.printers.clear();
    this.firmware = false;
    return noted;
  }

  private notePrinter(id: number): void {
    if (this.printers.size > MAX_NAMED) return;
    this.printers.add(id);
    this.wake();
  }

  private noteFirmware(): void {
    this.firmware = true;
    this.wake();
  }
}
