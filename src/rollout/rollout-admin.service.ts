import { Injectable, Logger } from '@nestjs/common';
import { LessThanOrEqual } from 'typeorm';
import { AuditLog } from '../audit/audit-log.js';
import type { Action, AuditedState } from '../audit/audit-log.js';
import type { Channel } from '../common/channel.js';
import { Clock } from '../common/clock.js';
import { Conflict, NotFound } from '../common/errors.js';
import { versionKey } from '../common/version.js';
import { Database } from '../database/database.js';
import type { Table } from '../database/table.js';
import { UnitOfWork } from '../database/unit-of-work.js';
import type { Transaction } from '../database/transaction.js';
import { FirmwareService } from '../firmware/firmware.service.js';
import { operatorMayMove } from './domain/state.js';
import type { RolloutStatus } from './domain/state.js';
import { PendingTargets } from './pending-targets.js';
import { RolloutProgress } from './rollout-progress.js';
import { RolloutRules, chosenRows } from './rollout-rules.js';
import { Rollout, listOf } from './rollout.entity.js';
import type { RolloutType } from './rollout.entity.js';
import { UpdateRetry } from './update-retry.js';
import { Withdrawal } from './withdrawal.entity.js';

/** Whom a rollout is for; exactly one of the first three, or channels alone; channels narrow each of them. */
export interface RolloutTarget {
  all: boolean;
  userIds: string[] | null;
  printerIds: string[] | null;
  channels: Channel[] | null;
  minVersion: string | null;
  maxVersion: string | null;
}

/** What an operator asks for; versions are canonical, UUIDs lower-case. */
export interface NewRollout {
  version: string;
  target: RolloutTarget;
  type: RolloutType;
  percentage: number;
  scheduledFor: Date | null;
  allowDowngrade: boolean;
}

/** What can be changed of a rollout later; what is absent stays. */
export interface RolloutChange {
  status?: RolloutStatus | undefined;
  percentage?: number | undefined;
}

/** One page of rollouts, the newest first. */
export interface RolloutPage {
  rollouts: Rollout[];
  /** Where the next page begins; null on the last one. */
  nextCursor: number | null;
}

/** The operators' side of rollouts: create, watch, change, retry and delete them. */
@Injectable()
export class RolloutAdminService {
  private readonly logger = new Logger('Rollout');

  private readonly table: Table<Rollout>;

  constructor(
    private readonly database: Database,
    private readonly unitOfWork: UnitOfWork,
    private readonly firmware: FirmwareService,
    private readonly rules: RolloutRules,
    private readonly progress: RolloutProgress,
    private readonly pending: PendingTargets,
    private readonly retries: UpdateRetry,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {
    this.table = database.table(Rollout);
  }

  /**
   * Creates a rollout. Connected printers are sent their update at once, the others when they connect.
   *
   * @throws NotFound where no build has the version
   * @throws Conflict where every build that it would send is deprecated, or one lacks the signature that is needed
   */
  async create(wanted: NewRollout): Promise<Rollout> {
    return this.unitOfWork.run(async (tx) => {
      const rows = this.firmware.ofVersions(tx.db, [wanted.version]).get(wanted.version) ?? [];
      const { channels } = wanted.target;
      const chosen = chosenRows(rows, channels && new Set(channels));
      const [firmware] = chosen;
      if (!firmware) throw new NotFound('Firmware version not found');
      if (chosen.every((row) => row.deprecatedAt !== null)) {
        throw new Conflict(`Firmware ${wanted.version} is deprecated, and offered to nobody`);
      }
      this.firmware.requireSigned(tx, chosen);
      const now = this.clock.now();
      const waits = wanted.scheduledFor !== null && wanted.scheduledFor > now;
      const row: Omit<Rollout, 'id'> = {
        version: wanted.version,
        versionKey: versionKey(wanted.version),
        firmwareId: firmware.id,
        targetAll: wanted.target.all,
        targetUserIds: toJson(wanted.target.userIds),
        targetPrinterIds: toJson(wanted.target.printerIds),
        targetChannels: toJson(channels),
        minVersion: wanted.target.minVersion,
        maxVersion: wanted.target.maxVersion,
        allowDowngrade: wanted.allowDowngrade,
        type: wanted.type,
        percentage: wanted.percentage,
        scheduledFor: wanted.scheduledFor,
        status: waits ? 'scheduled' : 'active',
        createdAt: now,
        pendingCount: 0,
        inProgressCount: 0,
        completedCount: 0,
        failedCount: 0,
        declinedCount: 0,
      };
      const id = await tx.insert(Rollout, row);
      this.rules.changed(tx);
      await this.pending.recount(tx, id);
      const rollout = await this.find(tx, id);
      this.record(tx, 'rollout.create', id, null, toState(rollout));
      this.logStep(tx, rollout, `created as ${row.type}, ${row.percentage} %, ${row.status}`);
      return rollout;
    });
  }

  /** One rollout with its counters. */
  get(id: number): Rollout {
    const rollout = this.table.find(this.database.reader, 'WHERE id = ?', id);
    if (!rollout) throw new NotFound(`Rollout not found: ${id}`);
    return rollout;
  }

  /** One page of rollouts, the newest first. */
  list(status: RolloutStatus | undefined, limit: number, before: number | undefined): RolloutPage {
    const rows = this.table.select(
      this.database.reader,
      `WHERE status = coalesce(?, status) AND id < ? ORDER BY id DESC LIMIT ?`,
      status ?? null,
      before ?? Number.MAX_SAFE_INTEGER,
      limit + 1,
    );
    const rollouts = rows.slice(0, limit);
    return { rollouts, nextCursor: rows.length > limit ? (rollouts.at(-1)?.id ?? null) : null };
  }

  /**
   * Changes the status, the percentage, or both; to what it is already is no change.
   *
   * @throws Conflict where the life of the rollout lacks that step
   */
  async change(id: number, change: RolloutChange): Promise<Rollout> {
    return this.unitOfWork.run(async (tx) => {
      const rollout = await this.find(tx, id);
      if (change.percentage !== undefined && change.percentage !== rollout.percentage) {
        await this.setPercentage(tx, rollout, change.percentage);
      }
      if (change.status !== undefined && change.status !== rollout.status) {
        await this.setStatus(tx, rollout, change.status);
      }
      const { status = rollout.status, percentage = rollout.percentage } = change;
      this.record(tx, 'rollout.change', id, toState(rollout), toState({ ...rollout, status, percentage }));
      this.progress.settle(tx, id);
      return this.find(tx, id);
    });
  }

  /** Cancels a rollout and removes it; what its updates have become stays in the printers' history. */
  async remove(id: number): Promise<void> {
    await this.unitOfWork.run(async (tx) => {
      const rollout = await this.find(tx, id);
      await this.withdraw(tx, rollout);
      await tx.em.delete(Rollout, { id });
      this.record(tx, 'rollout.delete', id, toState(rollout), null);
      this.rules.changed(tx);
      this.logStep(tx, rollout, 'deleted');
    });
  }

  /**
   * Sends the update again to all targets on which it has failed: at once to those connected, else at the next connect. A long list
   * is worked off in transactions of its own: others get their turn, and a crash leaves the rest as it was.
   *
   * @throws Conflict where the rollout is cancelled
   */
  async retry(id: number): Promise<Rollout> {
    let retried = 0;
    let after: number | null = 0;
    while (after !== null) {
      const from: number = after;
      const slice = await this.unitOfWork.run((tx) => Promise.resolve(this.retrySlice(tx, id, from)));
      retried += slice.count;
      after = slice.next;
    }
    return this.unitOfWork.run(async (tx) => {
      const rollout = await this.find(tx, id);
      this.rules.changed(tx);
      this.record(tx, 'rollout.retry', id, null, { retried });
      this.logStep(tx, rollout, `retries ${retried} failed updates`);
      return rollout;
    });
  }

  private retrySlice(tx: Transaction, id: number, after: number): { count: number; next: number | null } {
    const rule = this.rules.current(tx).get(id);
    if (rule) return this.retries.supersedeSlice(tx, rule, after);
    if (this.table.find(tx.db, 'WHERE id = ?', id) === null) throw new NotFound(`Rollout not found: ${id}`);
    throw new Conflict(`Rollout ${id} is cancelled, and sends nothing any more`);
  }

  /** Activates every scheduled rollout whose time has come; each only once, whoever else tries at the same time. */
  async activateDue(now: Date): Promise<void> {
    await this.unitOfWork.run(async (tx) => {
      const due = await tx.em.findBy(Rollout, { status: 'scheduled', scheduledFor: LessThanOrEqual(now) });
      for (const rollout of due) {
        const { affected } = await tx.em.update(
          Rollout,
          { id: rollout.id, status: 'scheduled' },
          { status: 'active' },
        );
        if (affected !== 1) continue;
        this.rules.changed(tx);
        const active = { ...rollout, status: 'active' } as const;
        this.record(tx, 'rollout.activate', rollout.id, toState(rollout), toState(active));
        this.logStep(tx, rollout, 'is due: active');
      }
    });
  }

  private async setPercentage(tx: Transaction, rollout: Rollout, percentage: number): Promise<void> {
    if (rollout.type === 'immediate') {
      throw new Conflict(`Rollout ${rollout.id} is immediate: its rollout_percentage is always 100`);
    }
    if (rollout.status === 'cancelled') {
      throw new Conflict(`Rollout ${rollout.id} is cancelled, and cannot be changed any more`);
    }
    await tx.em.update(Rollout, { id: rollout.id }, { percentage });
    this.rules.changed(tx);
    this.logStep(tx, rollout, `${rollout.percentage} % -> ${percentage} %`);
  }

  private async setStatus(tx: Transaction, rollout: Rollout, status: RolloutStatus): Promise<void> {
    if (!operatorMayMove(rollout.status, status)) {
      throw new Conflict(`Rollout ${rollout.id} is ${rollout.status}, and cannot become ${status}`);
    }
    if (status === 'cancelled') await this.withdraw(tx, rollout);
    await tx.em.update(Rollout, { id: rollout.id, status: rollout.status }, { status });
    this.rules.changed(tx);
    this.logStep(tx, rollout, `${rollout.status} -> ${status}`);
  }

  /** Remembers when a rollout was cancelled: rollouts that come later may move its printers back. */
  private async withdraw(tx: Transaction, rollout: Rollout): Promise<void> {
    if (rollout.status === 'cancelled') return;
    const newestRolloutId = (await tx.em.maximum(Rollout, 'id')) ?? rollout.id;
    await tx.em.insert(Withdrawal, { rolloutId: rollout.id, newestRolloutId });
  }

  private async find(tx: Transaction, id: number): Promise<Rollout> {
    const rollout = await tx.em.findOneBy(Rollout, { id });
    if (!rollout) throw new NotFound(`Rollout not found: ${id}`);
    return rollout;
  }

  private record(
    tx: Transaction,
    action: Action,
    id: number,
    before: AuditedState | null,
    after: AuditedState | null,
  ): void {
    this.audit.record(tx, { action, subject: `rollout/${id}`, before, after });
  }

  private logStep(tx: Transaction, rollout: Rollout, step: string): void {
    tx.afterCommit(() => this.logger.log(`Rollout ${rollout.id} of ${rollout.version}: ${step}`));
  }
}

function toState(rollout: Rollout): AuditedState {
  return {
    firmware_version: rollout.version,
    target: {
      all: rollout.targetAll,
      user_ids: listOf(rollout.targetUserIds),
      printer_ids: listOf(rollout.targetPrinterIds),
      channels: listOf(rollout.targetChannels),
      min_version: rollout.minVersion,
      max_version: rollout.maxVersion,
    },
    rollout_type: rollout.type,
    rollout_percentage: rollout.percentage,
    scheduled_for: rollout.scheduledFor,
    allow_downgrade: rollout.allowDowngrade,
    status: rollout.status,
  };
}

function toJson(list: readonly string[] | null): string | null {
  return list === null ? null : JSON.stringify(list);
}
