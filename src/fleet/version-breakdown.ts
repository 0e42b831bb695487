import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { UnavailableError } from '../common/errors.js';
import { UNKNOWN_VERSION } from '../common/version.js';
import { Database } from '../database/database.js';
import type { Table } from '../database/table.js';
import { Presence } from '../printer/presence.js';
import { Printer } from '../printer/printer.entity.js';
import { TARGET_PROPERTIES } from '../printer/printer.service.js';
import type { TargetPrinter } from '../printer/printer.service.js';
import { RolloutRules } from '../rollout/store/rollout-rules.js';
import type { RuleSet } from '../rollout/store/rule-set.js';
import { updateStateIn } from './update-state.js';
import type { UpdateState } from './update-state.js';

/** The printers of one version; each counts once. */
export interface VersionCount {
  version: string;
  onTarget: number;
  held: number;
  behindOffline: number;
  behindOnline: number;
}

/** All printers, by version and by state. */
export interface Count {
  countedAt: Date;
  /** The highest first. */
  versions: VersionCount[];
}

interface CachedCount {
  count: Count;
  /** The state of the data that was counted. */
  revision: string;
  /** Until when it is served even if something has changed, as a `performance.now()` value. */
  until: number;
}

// Maximum printers per slice. A slice takes a few milliseconds; it is smaller if many rollouts have to be evaluated.
const SLICE = 500;
const TURN_MS = 4;
// Milliseconds of pause for each millisecond of work.
const PAUSE_FACTOR = 3;
const MIN_KEPT_MS = 1_000;
// A count is kept for this many times the work it took.
const KEPT_FACTOR = 10;
// Maximum wait for a count: a small fleet is counted by then; for a large one the last count is returned.
const MAX_WAIT_MS = 250;

/** Counts printers by version and state by reading all of them, with pauses. */
@Injectable()
export class VersionBreakdown {
  private readonly table: Table<TargetPrinter>;
  private kept: CachedCount | null = null;
  private running: Promise<Count> | null = null;
  private stopped = false;

  constructor(
    private readonly database: Database,
    private readonly rules: RolloutRules,
    private readonly presence: Presence,
    private readonly clock: Clock,
  ) {
    this.table = database.view(Printer, TARGET_PROPERTIES);
  }

  /**
   * Returns the last count if it is recent or nothing has changed; otherwise a new one. If that takes too long, returns the last count
   * anyway, or null if there is none yet.
   *
   * @throws UnavailableError if the server is stopping
   */
  async latest(): Promise<Count | null> {
    const { kept } = this;
    if (kept !== null && (this.isCurrent || performance.now() < kept.until)) return kept.count;
    this.running ??= this.count().finally(() => (this.running = null));
    // A caller that got the last count does not see this one fail.
    this.running.catch(() => undefined);
    return Promise.race([this.running, sleep(MAX_WAIT_MS, kept?.count ?? null, { ref: false })]);
  }

  /** True if nothing has changed since the last count. */
  get isCurrent(): boolean {
    return this.kept?.revision === this.revision;
  }

  /** Aborts a count that is running. */
  stop(): void {
    this.stopped = true;
  }

  /** Changes with every commit, and whenever a printer connects or disconnects. */
  private get revision(): string {
    return `${this.database.commits} ${this.presence.revision}`;
  }

  private async count(): Promise<Count> {
    const { revision } = this;
    const countedAt = this.clock.now();
    const counter = new Counter(this.presence);
    let after = 0;
    let worked = 0;
    for (let size = SLICE; ;) {
      if (this.stopped) throw new UnavailableError('The server is stopping');
      // Each slice is a scan of its own: a count with its pauses would keep other scans waiting for seconds.
      const printers = await this.database.scan((sql) =>
        this.table.select(sql, 'WHERE id > ? ORDER BY id LIMIT ?', after, size),
      );
      const rules = await this.rules.forReading();
      const begun = performance.now();
      counter.add(printers, rules);
      const took = performance.now() - begun;
      worked += took;
      if (printers.length < size) break;
      after = printers.at(-1)?.id ?? after;
      size = Math.min(SLICE, Math.ceil((size * TURN_MS) / Math.max(took, 0.1)));
      await sleep(took * PAUSE_FACTOR);
    }
    const count = { countedAt, versions: counter.versions() };
    const until = performance.now() + Math.max(MIN_KEPT_MS, worked * KEPT_FACTOR);
    this.kept = { count, revision, until };
    return count;
  }
}

/** Adds printers up. */
class Counter {
  private readonly byKey = new Map<string, VersionCount>();
  private rules: RuleSet | null = null;
  /** The state of each kind of printer; null if a rule tells printers of one kind apart. */
  private remembered: Map<string, UpdateState> | null = null;

  constructor(private readonly presence: Presence) {}

  add(printers: readonly TargetPrinter[], rules: RuleSet): void {
    if (rules !== this.rules) {
      this.rules = rules;
      this.remembered = rules.rules.some(dependsOnPrinter) ? null : new Map<string, UpdateState>();
    }
    for (const printer of printers) this.addTo(this.versionOf(printer), printer, this.state(printer, rules));
  }

  /** The highest version first. */
  versions(): VersionCount[] {
    return [...this.byKey].sort(([a], [b]) => (a < b ? 1 : -1)).map(([, count]) => count);
  }

  private addTo(count: VersionCount, printer: TargetPrinter, state: UpdateState): void {
    if (state === 'on_target') count.onTarget += 1;
    else if (state === 'held') count.held += 1;
    else if (this.presence.isOnline(printer.id)) count.behindOnline += 1;
    else count.behindOffline += 1;
  }

  private versionOf({ versionKey, firmwareVersion }: TargetPrinter): VersionCount {
    let count = this.byKey.get(versionKey);
    if (count === undefined) {
      const version = firmwareVersion ?? UNKNOWN_VERSION;
      count = { version, onTarget: 0, held: 0, behindOffline: 0, behindOnline: 0 };
      this.byKey.set(versionKey, count);
    }
    return count;
  }

  private state(printer: TargetPrinter, rules: RuleSet): UpdateState {
    if (this.remembered === null) return updateStateIn(printer, rules);
    const kind = kindOf(printer);
    let state = this.remembered.get(kind);
    if (state === undefined) {
      state = updateStateIn(printer, rules);
      this.remembered.set(kind, state);
    }
    return state;
  }
}

/** True for a rule that tells printers of one kind apart: by user, by UUID or by percentage. */
function dependsOnPrinter({ userIds, printerUuids, percentage }: RuleSet['rules'][number]): boolean {
  return userIds !== null || printerUuids !== null || percentage < 100;
}

function kindOf(printer: TargetPrinter): string {
  const { versionKey, updateChannel, versionRolloutId, previousVersion, movedBack } = printer;
  const { autoUpdate, blocked, platform } = printer;
  const kind = [
    versionKey,
    updateChannel,
    versionRolloutId,
    previousVersion,
    movedBack,
    autoUpdate,
    blocked,
    platform,
  ];
  return kind.join(' ');
}
