import { Injectable } from '@nestjs/common';
import { Changes } from '../../database/changes.js';
import type { CollectedChanges } from '../../database/changes.js';
import { Database } from '../../database/database.js';
import { RolloutDiff } from './rollout-diff.js';

/** What has changed since the last call. */
export interface FleetChange extends CollectedChanges {
  /** Ids of rollouts that are new, changed or deleted. */
  rollouts: readonly number[];
}

const COUNTS = 'SELECT sum(download_count + success_count + failure_count) FROM firmware';
// While a fleet updates, the counts of its build change all the time, and the console reloads all builds with each event.
const COUNTS_EVERY_MS = 10_000;

/** Detects changes while at least one stream is open. */
@Injectable()
export class FleetWatch {
  private wake: (() => void) | null = null;
  /** True if printers have changed that were not recorded. */
  private missed = false;
  private counts = { sum: 0, readAt: -Infinity };

  constructor(
    private readonly changes: Changes,
    private readonly rollouts: RolloutDiff,
    private readonly database: Database,
  ) {
    database.onCommit(() => this.wake?.());
  }

  /**
   * Starts watching.
   *
   * @param wake called whenever something may have changed
   */
  async begin(wake: () => void): Promise<void> {
    this.wake = wake;
    this.changes.watch(wake);
    void this.awaitOpenTransaction();
    await this.rollouts.begin();
    this.counts = { sum: await this.database.committed.count(COUNTS), readAt: performance.now() };
  }

  /** Stops watching. */
  end(): void {
    this.wake = null;
    this.missed = false;
    this.changes.unwatch();
  }

  /** What has changed since `begin`, or since the last call. */
  async take(): Promise<FleetChange> {
    const { printers, firmware } = this.changes.take();
    const change: FleetChange = {
      printers: this.missed ? 'all' : printers,
      firmware: (await this.countsMoved()) || firmware,
      rollouts: await this.rollouts.changed(),
    };
    this.missed = false;
    return change;
  }

  /** The newest rollouts that are not cancelled. */
  newestRollouts(limit: number): Promise<number[]> {
    return this.rollouts.newest(limit);
  }

  /** The JSON of a rollout, as the API answers it; null if it is deleted. */
  rollout(id: number): Promise<string | null> {
    return this.rollouts.textOf(id);
  }

  /** A transaction that was already open has recorded nothing. Waits for its end, and reports all printers as changed if it committed. */
  private async awaitOpenTransaction(): Promise<void> {
    const before = this.database.commits;
    try {
      await this.database.write(() => Promise.resolve());
    } catch {
      // If this write fails, no earlier one is pending either.
      return;
    }
    if (this.wake === null || this.database.commits === before) return;
    this.missed = true;
    this.wake();
  }

  private async countsMoved(): Promise<boolean> {
    const now = performance.now();
    if (now - this.counts.readAt < COUNTS_EVERY_MS) return false;
    const before = this.counts.sum;
    this.counts = { sum: await this.database.committed.count(COUNTS), readAt: now };
    return this.counts.sum !== before;
  }
}
