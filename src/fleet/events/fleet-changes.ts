import { Injectable } from '@nestjs/common';
import { Changes } from '../../database/changes.js';
import type { Noted } from '../../database/changes.js';
import { DATA_VERSION, Database } from '../../database/database.js';
import { RolloutDiff } from './rollout-diff.js';

/** What has changed since the last time. */
export interface FleetChange extends Noted {
  /** Numbers of rollouts that are new, have changed or are gone. */
  rollouts: readonly number[];
}

const COUNTS = 'SELECT sum(download_count + success_count + failure_count) FROM firmware';
// While a fleet updates, the counts of a build move all the time; whoever shows them reads all builds anew.
const COUNTS_EVERY_MS = 10_000;

/** Finds out what changes, while somebody watches. */
@Injectable()
export class FleetWatch {
  private wake: (() => void) | null = null;
  /** True where printers have changed that nobody noted. */
  private missed = false;
  private counts = { sum: 0, lookedAt: -Infinity };

  constructor(
    private readonly changes: Changes,
    private readonly rollouts: RolloutDiff,
    private readonly database: Database,
  ) {
    database.onCommit(() => this.wake?.());
  }

  /**
   * Begins to watch.
   *
   * @param wake called whenever something may have changed
   */
  begin(wake: () => void): void {
    this.wake = wake;
    this.rollouts.begin();
    this.counts = { sum: this.database.reader.count(COUNTS), lookedAt: performance.now() };
    this.changes.watch(wake);
    void this.lookBack();
  }

  /** Ends it. */
  end(): void {
    this.wake = null;
    this.missed = false;
    this.changes.unwatch();
  }

  /** What has changed since it began, or since the last time. */
  take(): FleetChange {
    const { printers, firmware } = this.changes.take();
    const change: FleetChange = {
      printers: this.missed ? 'all' : printers,
      firmware: this.countsMoved() || firmware,
      rollouts: this.rollouts.changed(),
    };
    this.missed = false;
    return change;
  }

  /** The newest rollouts that are not cancelled. */
  newestRollouts(limit: number): number[] {
    return this.rollouts.newest(limit);
  }

  /** A rollout as it is answered, as JSON; null where it is deleted. */
  rollout(id: number): string | null {
    return this.rollouts.textOf(id);
  }

  /** A transaction that was open already has noted nothing. Once it has ended, whatever comes is noted. */
  private async lookBack(): Promise<void> {
    const { reader } = this.database;
    const before = reader.count(DATA_VERSION);
    try {
      await this.database.write(() => Promise.resolve());
    } catch {
      // Then nothing else was committed with it either.
      return;
    }
    if (this.wake === null || reader.count(DATA_VERSION) === before) return;
    this.missed = true;
    this.wake();
  }

  private countsMoved(): boolean {
    const now = performance.now();
    if (now - this.counts.lookedAt < COUNTS_EVERY_MS) return false;
    const before = this.counts.sum;
    this.counts = { sum: this.database.reader.count(COUNTS), lookedAt: now };
    return this.counts.sum !== before;
  }
}
