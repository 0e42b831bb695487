import { Injectable } from '@nestjs/common';
import type { Transaction } from './transaction.js';

/** Changes since the last `take`. */
export interface CollectedChanges {
  /** Numbers of printers that connected, disconnected or changed, or whose update changed; `all` if there are too many to list. */
  printers: readonly number[] | 'all';
  /** True if firmware was uploaded, changed or deleted. */
  firmware: boolean;
}

// Maximum number of printers listed; beyond it, all printers are read again.
const MAX_NAMED = 1_000;

/** Collects changes for one watcher. Costs one check of a boolean while nobody watches, so hot paths can afford it. */
@Injectable()
export class Changes {
  private watched = false;
  private wake: () => void = () => undefined;
  private readonly printers = new Set<number>();
  private firmware = false;

  /** Notes that a printer has connected or disconnected. */
  printer(id: number): void {
    if (this.watched) this.notePrinter(id);
  }

  /** Notes, once this transaction is committed, that a printer or its update has changed. */
  printerIn(tx: Transaction, id: number): void {
    if (this.watched) tx.afterCommit(() => this.notePrinter(id));
  }

  /** Notes, once this transaction is committed, that firmware was uploaded, changed or deleted. */
  firmwareIn(tx: Transaction): void {
    if (this.watched) tx.afterCommit(() => this.noteFirmware());
  }

  /** Notes a firmware change outside any transaction: a binary was found damaged, or intact again. */
  firmwareNow(): void {
    if (this.watched) this.noteFirmware();
  }

  /**
   * Starts collecting changes.
   *
   * @param wake called with every change that may be the first since the last `take`
   */
  watch(wake: () => void): void {
    this.watched = true;
    this.wake = wake;
  }

  /** Stops collecting, and discards what was collected. */
  unwatch(): void {
    this.watched = false;
    this.take();
  }

  /** Returns the changes since the last call, and clears them. */
  take(): CollectedChanges {
    const noted: CollectedChanges = {
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
