import { Injectable, Logger } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.js';
import { actorName } from '../../common/actor.js';
import { Clock } from '../../common/clock.js';
import { ConflictError, ValidationError, NotFoundError } from '../../common/errors.js';
import { versionKey } from '../../common/version.js';
import { Database } from '../../database/database.js';
import type { Table } from '../../database/table.js';
import type { Transaction } from '../../database/transaction.js';
import { FirmwareService } from '../../firmware/firmware.service.js';
import { PrinterCounts } from '../../printer/counts/printer-counts.js';
import type { RollbackGroup } from '../rules/rollback-plan.js';
import type { NewRollout } from './rollout-draft.js';
import { Rollouts } from './rollouts.js';
import { RolloutRules, readCameFrom } from '../store/rollout-rules.js';
import { Rollout } from '../store/entities/rollout.entity.js';
import { Superseding } from '../updates/superseding.js';
import { AffectedFleet, runningOf } from './affected-printers.js';
import { RollbackCheck, describeMissing } from './rollback-check.js';
import type { MissingBuild, RollbackPlan } from './rollback-check.js';
import { Rollback } from '../store/entities/rollback.entity.js';
import type { FurtherRollback, RollbackPreview, RollbackRequest, RollbackState } from './rollback-state.js';
import { IN_INTEGERS, jsonList } from '../../database/sql.js';
import type { Sql } from '../../database/sql.js';

/** Takes a version back in one action, which can be previewed first. */
@Injectable()
export class Rollbacks {
  private readonly logger = new Logger('Rollback');
  private readonly table: Table<Rollback>;
  private readonly rolloutTable: Table<Rollout>;

  constructor(
    private readonly database: Database,
    private readonly fleet: AffectedFleet,
    private readonly check: RollbackCheck,
    private readonly rollouts: Rollouts,
    private readonly rules: RolloutRules,
    private readonly superseding: Superseding,
    private readonly firmware: FirmwareService,
    private readonly printerCounts: PrinterCounts,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {
    this.table = database.table(Rollback);
    this.rolloutTable = database.table(Rollout);
  }

  /**
   * Previews a rollback, and writes nothing.
   *
   * @throws NotFoundError if the version is unknown, ValidationError if `to` is not older
   */
  async preview(request: RollbackRequest): Promise<RollbackPreview> {
    await this.refuseUseless(this.database.committed, request);
    await this.look(request);
    return this.database.scan(async (sql) => {
      const affected = await this.fleet.of(sql, request.version);
      const existing = await this.open(sql, request.version);
      const plan = await this.check.plan(sql, request.version, request.to, affected);
      const cancels = existing === null ? await this.toCancel(sql, request.version) : [];
      return {
        ...plan,
        request,
        running: runningOf(affected),
        optedOut: await this.fleet.optedOut(sql, request.version, plan.groups),
        cancels,
        existing,
        further: await this.further(sql, request.version, cancels, plan),
      };
    });
  }

  /**
   * Rolls a version back: cancels every rollout of it, deprecates it, and creates a rollout for each version that printers go back to, all
   * in one transaction. Connected printers are sent their update at once. A newer version that is being rolled back to this one is rolled
   * back further, to the version that most of this one's printers go to.
   *
   * @returns the existing rollback if it has the same destination
   * @throws NotFoundError if the version is unknown, ValidationError if `to` is not older, ConflictError if an older binary is missing, or
   *   if a rollback to another destination exists
   */
  async rollBack(request: RollbackRequest): Promise<RollbackState> {
    await this.refuseUseless(this.database.committed, request);
    await this.look(request);
    const { rollback, created } = await this.database.write(async (tx) => {
      const existing = await this.open(tx.sql, request.version);
      if (existing === null) return { rollback: await this.act(tx, request), created: true };
      if (existing.to === request.to) return { rollback: existing, created: false };
      throw new ConflictError(
        `Firmware ${request.version} is being rolled back to ${existing.to} already, by ${await this.named(tx.sql, existing)}; cancel that first`,
      );
    });
    return this.database.scan((sql) => this.stateOf(sql, rollback, created));
  }

  /**
   * The newest rollback of a version.
   *
   * @throws NotFoundError if it was never rolled back
   */
  get(version: string): Promise<RollbackState> {
    // Printers keep moving while they are counted: the rollouts must be of the same moment.
    return this.database.scan(async (sql) => {
      const rollback = await this.newest(sql, version);
      if (rollback === null) throw new NotFoundError(`Firmware ${version} was never rolled back`);
      return this.stateOf(sql, rollback, false);
    });
  }

  private async act(tx: Transaction, request: RollbackRequest): Promise<Rollback> {
    const { version, to } = request;
    const plan = await this.check.plan(tx.sql, version, to, await this.fleet.of(tx.sql, version));
    if (plan.missing.length > 0) throw new ConflictError(inWords(version, plan.missing));
    const before = await this.rules.current(tx);
    const row = {
      version,
      to,
      rollouts: plan.groups.length,
      createdBy: actorName(tx.actor),
      createdAt: this.clock.now(),
    };
    const rollback = { ...row, id: await this.table.insert(tx.sql, row) };
    const cancelled = await this.toCancel(tx.sql, version);
    for (const rollout of cancelled) await this.rollouts.cancelIn(tx, rollout);
    await tx.sql.run(TAKE_BACK, rollback.id, version);
    if (request.deprecate) await this.firmware.deprecateIn(tx, version);
    const created: Rollout[] = [];
    for (const group of plan.groups) created.push(await this.begin(tx, rollback, group));
    const after = await this.rules.current(tx);
    const changed = [...cancelled, ...created].flatMap(({ id }) => after.get(id) ?? before.get(id) ?? []);
    await this.superseding.changed(tx, before, after, changed);
    const destination = destinationOf(plan.groups);
    // A printer that has not come back from a newer version yet would be stranded on this one, so it goes where the other printers go.
    for (const newer of await this.rollbacksTo(tx.sql, version, cancelled))
      await this.act(tx, { version: newer, to: destination, deprecate: false });
    await this.audit.record(tx, {
      action: 'firmware.rollback',
      subject: `firmware/${version}`,
      before: null,
      after: {
        to,
        deprecate: request.deprecate,
        rollouts: created.map(({ id }) => id),
        cancelled_rollouts: cancelled.map(({ id }) => id),
      },
    });
    tx.afterCommit(() => this.logger.log(`Firmware ${version} is rolled back to ${to} by ${idsOf(created)}`));
    return rollback;
  }

  private begin(tx: Transaction, rollback: Rollback, { version, cameFrom }: RollbackGroup): Promise<Rollout> {
    const { version: bad, id: rollbackId } = rollback;
    const wanted: NewRollout = {
      version,
      target: {
        all: true,
        userIds: null,
        printerIds: null,
        channels: null,
        minVersion: bad,
        maxVersion: bad,
      },
      type: 'immediate',
      percentage: 100,
      scheduledFor: null,
      allowDowngrade: true,
      name: `Roll back ${bad} to ${version}`,
      note: null,
    };
    return this.rollouts.createIn(tx, wanted, { rollbackId, cameFrom });
  }

  /** Detects images damaged since the last check. It runs before the transaction, which must not wait for the disk. */
  private async look({ version, to }: RollbackRequest): Promise<void> {
    const plans = await this.database.scan(async (sql) => {
      const plan = await this.check.plan(sql, version, to, await this.fleet.of(sql, version));
      return [plan, ...(await this.further(sql, version, await this.toCancel(sql, version), plan))];
    });
    for (const plan of plans) await this.check.look(this.database.committed, plan);
  }

  /** Applies `act` to each newer version that is being rolled back to this one. */
  private async further(
    sql: Sql,
    version: string,
    cancelled: readonly Rollout[],
    { groups }: RollbackPlan,
  ): Promise<FurtherRollback[]> {
    // With no version to go back to, the rollback is refused.
    if (groups.length === 0) return [];
    const to = destinationOf(groups);
    const found: FurtherRollback[] = [];
    for (const newer of await this.rollbacksTo(sql, version, cancelled)) {
      const affected = await this.fleet.of(sql, newer);
      const plan = await this.check.plan(sql, newer, to, affected);
      found.push({ ...plan, version: newer, to, running: runningOf(affected) });
      found.push(...(await this.further(sql, newer, await this.toCancel(sql, newer), plan)));
    }
    return found;
  }

  private async refuseUseless(sql: Sql, { version, to }: RollbackRequest): Promise<void> {
    const isKnown =
      (await this.firmware.ofVersions(sql, [version])).size > 0 ||
      (await this.printerCounts.running(sql, versionKey(version))) > 0 ||
      (await this.rolloutTable.find(sql, 'WHERE firmware_version = ?', version)) !== null;
    if (!isKnown) throw new NotFoundError(`Firmware version not found: ${version}`);
    if (to !== 'previous' && versionKey(to) >= versionKey(version))
      throw ValidationError.field('to', to, `to must be a version below ${version}, or previous`);
  }

  /** The rollouts of a version that a rollback cancels, and what is left of an earlier rollback of it, newest first. */
  private async toCancel(sql: Sql, version: string): Promise<Rollout[]> {
    return this.rolloutTable.select(sql, TO_CANCEL, version, version);
  }

  /** The newer versions that were being rolled back to this one through the rollouts that are cancelled. */
  private async rollbacksTo(sql: Sql, version: string, cancelled: readonly Rollout[]): Promise<string[]> {
    const ids = cancelled.flatMap(({ rollbackId }) => rollbackId ?? []);
    const rollbacks = await this.table.select(sql, `WHERE id ${IN_INTEGERS} ORDER BY id DESC`, jsonList(ids));
    return [...new Set(rollbacks.map((rollback) => rollback.version))].filter((other) => other !== version);
  }

  /** The newest rollback of a version, if none of its rollouts was cancelled or deleted. */
  private async open(sql: Sql, version: string): Promise<Rollback | null> {
    const rollback = await this.newest(sql, version);
    if (rollback === null) return null;
    const rollouts = await this.rolloutsOf(sql, rollback);
    const holds =
      rollouts.length === rollback.rollouts && rollouts.every(({ status }) => status !== 'cancelled');
    return holds ? rollback : null;
  }

  private async newest(sql: Sql, version: string): Promise<Rollback | null> {
    return this.table.find(sql, 'WHERE firmware_version = ? ORDER BY id DESC', version);
  }

  private async rolloutsOf(sql: Sql, { id }: Rollback): Promise<Rollout[]> {
    return this.rolloutTable.select(sql, 'WHERE rollback_id = ? ORDER BY id', id);
  }

  private async named(sql: Sql, rollback: Rollback): Promise<string> {
    return idsOf(await this.rolloutsOf(sql, rollback));
  }

  private async stateOf(sql: Sql, rollback: Rollback, created: boolean): Promise<RollbackState> {
    const running = await this.fleet.count(sql, rollback.version);
    const takenBack = (await sql.values(TAKEN_BACK, rollback.id)).map(([id]) => Number(id));
    const rollouts = await this.rolloutsOf(sql, rollback);
    const destinations = rollouts
      .filter(({ status }) => status !== 'cancelled')
      .map(({ version, cameFrom }) => ({ version, cameFrom: readCameFrom(cameFrom) }));
    const declining = await this.fleet.optedOut(sql, rollback.version, destinations);
    const optedOut = declining.reduce((sum, printers) => sum + printers, 0);
    return { rollback, rollouts, takenBack, running, optedOut, created };
  }
}

const TO_CANCEL = `WHERE status <> 'cancelled' AND (firmware_version = ?
  OR rollback_id IN (SELECT id FROM rollback WHERE firmware_version = ?)) ORDER BY id DESC`;
const TAKE_BACK = `UPDATE rollout SET taken_back_by = ? WHERE firmware_version = ? AND taken_back_by IS NULL`;
const TAKEN_BACK = 'SELECT id FROM rollout WHERE taken_back_by = ? ORDER BY id';

/** The version for printers whose previous version is unknown. */
function destinationOf(groups: readonly RollbackGroup[]): string {
  const rest = groups.find(({ cameFrom }) => cameFrom === null || 'except' in cameFrom);
  if (rest === undefined) throw new Error('A rollback has no version for the rest of the printers');
  return rest.version;
}

function idsOf(rollouts: readonly Rollout[]): string {
  return `rollout ${rollouts.map(({ id }) => id).join(', ')}`;
}

function inWords(version: string, missing: readonly MissingBuild[]): string {
  const list = missing.map((one) => {
    const board = one.platform === null ? '' : ` for ${one.platform}`;
    const what = one.version === null ? '' : `${one.version}${board}: `;
    return `${what}${describeMissing(one)}${printersOf(one)}`;
  });
  return `Firmware ${version} cannot be rolled back: ${list.join('; ')}`;
}

/** The number of printers, unless there are none. */
function printersOf({ printers }: MissingBuild): string {
  if (printers === 0) return '';
  return printers === 1 ? ' (1 printer)' : ` (${printers} printers)`;
}
