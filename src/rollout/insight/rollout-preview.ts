import { Injectable } from '@nestjs/common';
import { versionOfKey } from '../../common/version.js';
import { NotFoundError } from '../../common/errors.js';
import { Database } from '../../database/database.js';
import type { Table } from '../../database/table.js';
import { ImageCheck } from '../../firmware/binaries/image-check.js';
import { PrinterCounts } from '../../printer/counts/printer-counts.js';
import { Presence } from '../../printer/presence.js';
import { creationWarnings } from '../rules/creation-warnings.js';
import { ChangeCounts, PreviewCounts, sendsHeldBack, waitingReason } from '../rules/preview.js';
import type { WaitingReason } from '../rules/preview.js';
import { targetRefusal } from '../rules/targeting.js';
import type { PrinterFacts, RolloutRule, TargetRefusal } from '../rules/targeting.js';
import { FleetWalk } from '../store/fleet-walk.js';
import { stateAfter } from '../campaign/rollout-change.js';
import type { RolloutChange } from '../campaign/rollout-change.js';
import { RolloutDrafts } from '../campaign/rollout-draft.js';
import type { NewRollout } from '../campaign/rollout-draft.js';
import { RolloutRules, toRule } from '../store/rollout-rules.js';
import { Rollout } from '../store/entities/rollout.entity.js';
import type { RuleSet } from '../store/rule-set.js';
import { bytesOf } from '../store/rollout-builds.js';
import { PendingBuckets } from '../store/pending-buckets.js';
import { CountingUpdates } from '../store/counting-updates.js';
import { updateContextOf } from '../updates/plan/update-steps.js';
import type { PrinterUpdate } from '../store/entities/printer-update.entity.js';
import type { Sql } from '../../database/sql.js';

/** A number of printers, and the reason. */
export interface Counted<Reason> {
  reason: Reason;
  printers: number;
}

/** What a new rollout would do. */
export interface NewPreview {
  version: string;
  /** All printers. */
  printers: number;
  /** Targets: what `total_targets` would be. */
  matching: number;
  /** Targets within the percentage, by their buckets. */
  due: number;
  /** Connected targets that would be sent the update at once. */
  now: number;
  /** Highest version first. */
  byVersion: Array<{ version: string; matching: number; now: number }>;
  /** Printers that are not targets; most common reason first. */
  leftOut: Array<Counted<TargetRefusal>>;
  /** Targets that would be sent nothing now; most common reason first. */
  waiting: Array<Counted<WaitingReason>>;
  /** Whole sentences; usually empty. */
  warnings: string[];
}

/** What a change to a rollout would do. */
export interface ChangePreview {
  /** Connected printers that it would be sent to at once. */
  now: number;
  inProgress: number;
  pending: number;
  /** Pending targets within the percentage. */
  due: number;
  /** Targets of `due` that would be sent nothing now; most common reason first. */
  waiting: Array<Counted<WaitingReason>>;
}

// Higher than the number of any rollout, because it would be created after all of them.
const NOT_CREATED_YET = Number.MAX_SAFE_INTEGER;

/**
 * Previews a rollout, or a change to one, by the same rules that send updates, and writes nothing. Each preview is consistent: the database
 * is read as a snapshot, and the connected printers are copied at its start.
 */
@Injectable()
export class RolloutPreview {
  private readonly rollouts: Table<Rollout>;

  constructor(
    private readonly database: Database,
    private readonly drafts: RolloutDrafts,
    private readonly rules: RolloutRules,
    private readonly walk: FleetWalk,
    private readonly printerCounts: PrinterCounts,
    private readonly updates: CountingUpdates,
    private readonly presence: Presence,
    private readonly images: ImageCheck,
    private readonly buckets: PendingBuckets,
  ) {
    this.rollouts = database.table(Rollout);
  }

  /**
   * Previews a new rollout.
   *
   * @throws NotFoundError, ConflictError the same as when it is created
   */
  ofNew(wanted: NewRollout): Promise<NewPreview> {
    return this.database.scan(async (sql) => {
      const { row, lists, firmware } = await this.drafts.draft(sql, wanted, '');
      const rule = toRule({ ...row, id: NOT_CREATED_YET }, lists, firmware, bytesOf(firmware), this.images);
      const rules = (await this.rules.asOf(sql)).with(rule);
      const online = this.presence.ids();
      const counts = new PreviewCounts(rule);
      for await (const named of this.walk.named(sql, rule))
        for (const { printer, buckets } of named) counts.named(rules.factsOf(printer), buckets);
      if (rule.status === 'active') {
        await this.connectedTargets(sql, rules, rule, online, (facts, live) => {
          counts.target(facts, waitingReason(facts, rule, rules.rules, updateContextOf(live, rules, false)));
        });
      }
      const printers = await this.printerCounts.count(sql, {});
      counts.rest(printers);
      return { ...toNewPreview(rule, printers, counts), warnings: creationWarnings(row, counts.matching) };
    });
  }

  /**
   * Previews a change to a rollout.
   *
   * @throws NotFoundError, ConflictError the same as when the change is made
   */
  ofChange(id: number, change: RolloutChange): Promise<ChangePreview> {
    return this.database.scan(async (sql) => {
      const rollout = await this.rollouts.find(sql, 'WHERE id = ?', id);
      if (rollout === null) throw new NotFoundError(`Rollout not found: ${id}`);
      const state = stateAfter(rollout, change);
      const before = await this.rules.asOf(sql);
      const known = before.get(id);
      const due = await this.buckets.due(sql, { ...rollout, ...state });
      const counters = { inProgress: rollout.inProgressCount, pending: rollout.pendingCount, due };
      if (known === undefined || state.status === 'cancelled') return { ...counters, now: 0, waiting: [] };
      const rule = { ...known, ...state };
      const rules = before.with(rule);
      const counts = new ChangeCounts(rule);
      await this.connectedTargets(sql, rules, rule, this.presence.ids(), (facts, live) => {
        const held = live.find((update) => update.sendOnResume);
        // As in `plan/offer.ts`: an update that was held back during a pause comes first, and must end before anything else is sent.
        if (held?.rolloutId === id) counts.heldBack(sendsHeldBack(facts, rule, held));
        else {
          const reason = waitingReason(facts, rule, rules.rules, updateContextOf(live, rules, false));
          const isPending = live.every(({ rolloutId }) => rolloutId !== id);
          counts.target(facts, reason, isPending);
        }
      });
      return { ...counters, now: counts.now, waiting: commonestFirst(counts.waitingOf(due)) };
    });
  }

  /** Visits the connected targets of a rollout, each with its updates that count. */
  private async connectedTargets(
    sql: Sql,
    rules: RuleSet,
    rule: RolloutRule,
    online: readonly number[],
    visit: (facts: PrinterFacts, live: PrinterUpdate[]) => void,
  ): Promise<void> {
    for await (const printers of this.walk.withIds(sql, online)) {
      const targets = printers
        .map((printer) => ({ printer, facts: rules.factsOf(printer) }))
        .filter(({ facts }) => targetRefusal(facts, rule) === null);
      const live = await this.updates.ofPrinters(
        sql,
        targets.map(({ printer }) => printer.id),
      );
      for (const { printer, facts } of targets) visit(facts, live.get(printer.id) ?? []);
    }
  }
}

function toNewPreview(
  rule: RolloutRule,
  printers: number,
  counts: PreviewCounts,
): Omit<NewPreview, 'warnings'> {
  const { matching, due, now } = counts;
  const versions = [...counts.versions].sort(([a], [b]) => (a < b ? 1 : -1));
  return {
    version: rule.version,
    printers,
    matching,
    due,
    now,
    byVersion: versions.map(([key, count]) => ({ version: versionOfKey(key), ...count })),
    leftOut: commonestFirst(counts.leftOut),
    waiting: commonestFirst(counts.waiting),
  };
}

function commonestFirst<Reason>(counts: ReadonlyMap<Reason, number>): Array<Counted<Reason>> {
  return [...counts]
    .map(([reason, printers]) => ({ reason, printers }))
    .sort((a, b) => b.printers - a.printers || (a.reason < b.reason ? -1 : 1));
}
