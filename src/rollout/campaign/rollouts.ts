import { Injectable, Logger } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.js';
import type { Action, AuditedState } from '../../audit/audit-log.js';
import { actorName } from '../../common/actor.js';
import { ConflictError, NotFoundError } from '../../common/errors.js';
import { Database } from '../../database/database.js';
import { newestFirst } from '../../database/page.js';
import type { Page } from '../../database/page.js';
import { sqlInstant } from '../../database/table.js';
import type { Table } from '../../database/table.js';
import type { Transaction } from '../../database/transaction.js';
import type { RolloutStatus } from '../rules/status.js';
import { PendingTargets } from '../updates/pending-targets.js';
import { stateAfter } from './rollout-change.js';
import type { RolloutChange } from './rollout-change.js';
import { RolloutDrafts } from './rollout-draft.js';
import type { NewRollout, RollbackPart } from './rollout-draft.js';
import { RolloutProgress } from '../updates/rollout-progress.js';
import { RolloutRules } from '../store/rollout-rules.js';
import { RolloutSamples } from '../store/rollout-samples.js';
import { Rollout, listOf } from '../store/entities/rollout.entity.js';
import { Superseding } from '../updates/superseding.js';
import type { RuleSet } from '../store/rule-set.js';
import { RolloutBuilds } from '../store/rollout-builds.js';
import { NO_LISTS, RolloutTargets } from '../store/target-lists.js';
import type { TargetLists } from '../store/target-lists.js';
import { UpdateRetry } from '../updates/update-retry.js';
import { CancelledPending } from '../store/cancelled-pending.js';

const DUE = `WHERE status = 'scheduled' AND scheduled_for <= ? ORDER BY id`;
const CANCELLATION = `INSERT INTO rollout_cancellation (rollout_id, newest_rollout_id)
  SELECT CAST(? AS bigint), max(id) FROM rollout`;

/** What operators do with rollouts: create, list, change, retry and delete them. */
@Injectable()
export class Rollouts {
  private readonly logger = new Logger('Rollout');

  private readonly table: Table<Rollout>;

  constructor(
    private readonly database: Database,
    private readonly drafts: RolloutDrafts,
    private readonly builds: RolloutBuilds,
    private readonly rules: RolloutRules,
    private readonly progress: RolloutProgress,
    private readonly pending: PendingTargets,
    private readonly superseding: Superseding,
    private readonly cancelledPending: CancelledPending,
    private readonly targets: RolloutTargets,
    private readonly retries: UpdateRetry,
    private readonly samples: RolloutSamples,
    private readonly audit: AuditLog,
  ) {
    this.table = database.table(Rollout);
  }

  /**
   * Creates a rollout. Connected printers are sent their update at once, the others when they connect.
   *
   * @throws NotFoundError if no build has the version
   * @throws ConflictError if every build that it would send is deprecated, or one lacks a required signature or is damaged on disk
   */
  async create(wanted: NewRollout): Promise<Rollout> {
    await this.drafts.checkImages(wanted.version);
    return this.database.write(async (tx) => {
      const before = await this.rules.current(tx);
      const { id } = await this.createIn(tx, wanted);
      await this.speaksNow(tx, before, id);
      return this.find(tx, id);
    });
  }

  /**
   * Creates a rollout within a transaction. The caller must then update the pending counts of older rollouts, which may lose targets to it
   * (`Superseding`).
   */
  async createIn(tx: Transaction, wanted: NewRollout, part: RollbackPart | null = null): Promise<Rollout> {
    const { row, lists, firmware } = await this.drafts.draft(tx.sql, wanted, actorName(tx.actor), part);
    const id = await this.table.insert(tx.sql, row);
    await this.targets.insert(tx, id, lists);
    await this.builds.pin(tx, id, firmware);
    this.rules.changed(tx);
    await this.pending.recount(tx, id);
    const rollout = await this.find(tx, id);
    await this.samples.begin(tx, rollout);
    await this.record(tx, 'rollout.create', id, null, toState(rollout, lists));
    this.logStep(tx, rollout, `created as ${row.type}, ${row.percentage} %, ${row.status}`);
    return rollout;
  }

  /** Cancels a rollout within a transaction. The caller must then update the pending counts of older rollouts (`Superseding`). */
  async cancelIn(tx: Transaction, rollout: Rollout): Promise<void> {
    await this.cancelledPending.remember(tx, rollout);
    await this.recordCancellation(tx, rollout);
    await this.table.update(tx.sql, rollout.id, { status: 'cancelled' });
    this.rules.changed(tx);
    await this.record(
      tx,
      'rollout.change',
      rollout.id,
      toState(rollout),
      toState({ ...rollout, status: 'cancelled' }),
    );
    this.logStep(tx, rollout, `${rollout.status} -> cancelled`);
  }

  /** One rollout with its counters. */
  async get(id: number): Promise<Rollout> {
    const rollout = await this.table.find(this.database.committed, 'WHERE id = ?', id);
    if (!rollout) throw new NotFoundError(`Rollout not found: ${id}`);
    return rollout;
  }

  /** One page of rollouts, newest first. */
  list(status: RolloutStatus | undefined, limit: number, before: number | undefined): Promise<Page<Rollout>> {
    const condition = { sql: 'status = coalesce(?, status)', values: [status ?? null] };
    return newestFirst(this.table, this.database.committed, condition, limit, before);
  }

  /**
   * Changes the status, percentage, name or note. Setting a field to its current value is no change.
   *
   * @throws ConflictError if the rollout cannot make that transition
   */
  async change(id: number, change: RolloutChange): Promise<Rollout> {
    return this.database.write(async (tx) => {
      const rollout = await this.find(tx, id);
      const state = stateAfter(rollout, change);
      if (state.name !== rollout.name || state.note !== rollout.note)
        await this.table.update(tx.sql, id, { name: state.name, note: state.note });
      if (state.percentage !== rollout.percentage) await this.setPercentage(tx, rollout, state.percentage);
      if (state.status !== rollout.status) await this.setStatus(tx, rollout, state.status);
      await this.record(tx, 'rollout.change', id, toState(rollout), toState({ ...rollout, ...state }));
      await this.progress.settle(tx, [id]);
      return this.find(tx, id);
    });
  }

  /** Cancels a rollout and deletes it. The outcome of its updates stays in the printers' history. */
  async remove(id: number): Promise<void> {
    await this.database.write(async (tx) => {
      const rollout = await this.find(tx, id);
      const before = await this.rules.current(tx);
      const lists = await this.targets.of(tx.sql, id);
      await this.recordCancellation(tx, rollout);
      await tx.sql.run('DELETE FROM rollout WHERE id = ?', id);
      await this.record(tx, 'rollout.delete', id, toState(rollout, lists), null);
      this.rules.changed(tx);
      await this.speaksNow(tx, before, id);
      this.logStep(tx, rollout, 'deleted');
    });
  }

  /**
   * Sends the update again to every target on which it failed: at once if the printer is connected, else at its next connect. This is one
   * transaction: anything that runs concurrently sees all of it or nothing.
   *
   * @throws ConflictError if the rollout is cancelled
   */
  retry(id: number): Promise<Rollout> {
    return this.database.write(async (tx) => {
      await this.find(tx, id);
      const rule = (await this.rules.current(tx)).get(id);
      if (rule === undefined) throw new ConflictError(`Rollout ${id} is cancelled and sends no updates`);
      const retried = await this.retries.supersedeAll(tx, rule);
      this.rules.changed(tx);
      await this.record(tx, 'rollout.retry', id, null, { retried });
      const rollout = await this.find(tx, id);
      this.logStep(tx, rollout, `retries ${retried} failed updates`);
      return rollout;
    });
  }

  /** Activates every scheduled rollout that is due. Each is activated only once, even if several callers try at the same time. */
  async activateDue(now: Date): Promise<void> {
    await this.database.write(async (tx) => {
      const due = await this.table.select(tx.sql, DUE, sqlInstant(now));
      for (const rollout of due) {
        const before = await this.rules.current(tx);
        await this.table.update(tx.sql, rollout.id, { status: 'active' });
        this.rules.changed(tx);
        await this.speaksNow(tx, before, rollout.id);
        const active = { ...rollout, status: 'active' } as const;
        await this.record(tx, 'rollout.activate', rollout.id, toState(rollout), toState(active));
        this.logStep(tx, rollout, 'is due: active');
      }
    });
  }

  private async setPercentage(tx: Transaction, rollout: Rollout, percentage: number): Promise<void> {
    await this.table.update(tx.sql, rollout.id, { percentage });
    this.rules.changed(tx);
    this.logStep(tx, rollout, `${rollout.percentage} % -> ${percentage} %`);
  }

  private async setStatus(tx: Transaction, rollout: Rollout, status: RolloutStatus): Promise<void> {
    const before = await this.rules.current(tx);
    if (status === 'cancelled') {
      await this.cancelledPending.remember(tx, rollout);
      await this.recordCancellation(tx, rollout);
    }
    await this.table.update(tx.sql, rollout.id, { status });
    this.rules.changed(tx);
    if (status === 'cancelled' || rollout.status === 'scheduled')
      await this.speaksNow(tx, before, rollout.id);
    this.logStep(tx, rollout, `${rollout.status} -> ${status}`);
  }

  /** Records that a rollout was cancelled: rollouts created later may move its printers back. */
  private async recordCancellation(tx: Transaction, rollout: Rollout): Promise<void> {
    if (rollout.status === 'cancelled') return;
    await tx.sql.run(CANCELLATION, rollout.id);
  }

  /** Updates older rollouts after a rollout starts or stops naming printers: they may lose or gain targets. */
  private async speaksNow(tx: Transaction, before: RuleSet, id: number): Promise<void> {
    const after = await this.rules.current(tx);
    const rule = after.get(id) ?? before.get(id);
    if (rule) await this.superseding.changed(tx, before, after, [rule]);
  }

  private async find(tx: Transaction, id: number): Promise<Rollout> {
    const rollout = await this.table.find(tx.sql, 'WHERE id = ?', id);
    if (!rollout) throw new NotFoundError(`Rollout not found: ${id}`);
    return rollout;
  }

  private async record(
    tx: Transaction,
    action: Action,
    id: number,
    before: AuditedState | null,
    after: AuditedState | null,
  ): Promise<void> {
    await this.audit.record(tx, { action, subject: `rollout/${id}`, before, after });
  }

  private logStep(tx: Transaction, rollout: Rollout, step: string): void {
    tx.afterCommit(() => this.logger.log(`Rollout ${rollout.id} of ${rollout.version}: ${step}`));
  }
}

/** @param lists omitted if only a difference is recorded, because the lists never change */
function toState(rollout: Rollout, lists: TargetLists = NO_LISTS): AuditedState {
  return {
    firmware_version: rollout.version,
    target: {
      all: rollout.targetAll,
      user_ids: listOf(lists.userIds),
      printer_ids: listOf(lists.printerIds),
      channels: listOf(rollout.targetChannels),
      min_version: rollout.minVersion,
      max_version: rollout.maxVersion,
    },
    rollout_type: rollout.type,
    rollout_percentage: rollout.percentage,
    scheduled_for: rollout.scheduledFor,
    allow_downgrade: rollout.allowDowngrade,
    status: rollout.status,
    name: rollout.name,
    note: rollout.note,
  };
}
