import { Injectable, Logger } from '@nestjs/common';
import { versionKey } from '../../common/version.js';
import { IN_INTEGERS, jsonList, allOf, jsonRows, rowsOf } from '../../database/sql.js';
import type { Transaction } from '../../database/transaction.js';
import { PrinterCounts } from '../../printer/counts/printer-counts.js';
import { TARGET_STATUSES } from '../rules/status.js';
import type { RolloutStatus } from '../rules/status.js';
import { COUNTER_COLUMNS } from '../store/entities/rollout-counters.js';
import { RolloutRules } from '../store/rollout-rules.js';
import type { RolloutDelta, RolloutDeltas } from './plan/counters.js';
import type { SqlRow } from '../../database/sql.js';

const ADD = `UPDATE rollout SET ${COUNTER_COLUMNS.map((name) => `${name} = rollout.${name} + delta.${name}`).join(', ')}
  FROM ${rowsOf(allOf('integer', ['id', ...COUNTER_COLUMNS]))} AS delta WHERE rollout.id = delta.id`;
const ADD_PENDING = `UPDATE rollout_pending SET pending = rollout_pending.pending + delta.pending
  FROM ${rowsOf(allOf('integer', ['rollout_id', 'bucket', 'pending']))} AS delta
  WHERE rollout_pending.rollout_id = delta.rollout_id AND rollout_pending.bucket = delta.bucket`;
const STATES = `SELECT id, status, rollout_percentage, firmware_version, rollback_id, min_version, pending_count, in_progress_count,
    completed_count + failed_count + declined_count AS ended
  FROM rollout WHERE id ${IN_INTEGERS} AND status IN ('active', 'completed') ORDER BY id`;
const ABOUT_TO_RUN = `SELECT 1 FROM printer_update u JOIN printer p ON p.id = u.printer_id
  WHERE u.status IN ('in_progress', 'completed') AND u.confirmed = false AND u.firmware_version = ?
    AND p.version_key <> ? AND p.blocked = false LIMIT 1`;

/** The progress of rollouts: their counters, and whether they are completed. */
@Injectable()
export class RolloutProgress {
  private readonly logger = new Logger('Rollout');

  constructor(
    private readonly rules: RolloutRules,
    private readonly printerCounts: PrinterCounts,
  ) {}

  /** Adds to the counters, and settles the rollouts concerned. Call it in the transaction that writes the updates and the printers. */
  async add(tx: Transaction, { rollouts, rollbacks }: RolloutDeltas): Promise<void> {
    // In id order, so that concurrent transactions cannot deadlock.
    const deltas = [...rollouts].filter(([, delta]) => isChange(delta)).sort(([a], [b]) => a - b);
    if (deltas.length > 0) {
      await tx.sql.run(ADD, jsonRows(deltas.map(([id, delta]) => [id, ...summandsOf(delta)])));
      const pending = deltas.flatMap(([id, delta]) =>
        [...delta.pending].filter(([, by]) => by !== 0).map(([bucket, by]) => [id, bucket, by]),
      );
      if (pending.length > 0) await tx.sql.run(ADD_PENDING, jsonRows(pending));
    }
    await this.settle(tx, new Set([...deltas.map(([id]) => id), ...rollbacks]));
  }

  /**
   * Moves rollouts between active and completed: completed at 100 %, with at least one target, none pending and none in progress
   * (decisions, "A rollout's life"). Call it after every change that may affect it; `add` does so itself.
   */
  async settle(tx: Transaction, rolloutIds: Iterable<number>): Promise<void> {
    const ids = jsonList(rolloutIds);
    if (ids === '[]') return;
    for (const state of await tx.sql.rows(STATES, ids)) await this.settleOne(tx, state);
  }

  private async settleOne(tx: Transaction, state: SqlRow): Promise<void> {
    const id = Number(state.id);
    const status: RolloutStatus = (await this.isCompleted(tx, state)) ? 'completed' : 'active';
    if (status === state.status) return;
    await tx.sql.run('UPDATE rollout SET status = ? WHERE id = ?', status, id);
    this.rules.statusChanged(tx, id, status);
    tx.afterCommit(() => this.logger.log(`Rollout ${id} of ${state.firmware_version} is ${status}`));
  }

  /**
   * A rollback is completed when no printer runs the version that it takes back, or is about to (its update is in progress, or it has
   * reported it and has not reconnected yet), whatever the outcome of its own updates.
   */
  private async isCompleted(tx: Transaction, state: SqlRow): Promise<boolean> {
    if (state.pending_count !== 0 || state.in_progress_count !== 0) return false;
    if (state.rollback_id === null) return state.rollout_percentage === 100 && Number(state.ended) > 0;
    const version = String(state.min_version);
    const key = versionKey(version);
    if ((await this.printerCounts.running(tx.sql, key)) > 0) return false;
    return (await tx.sql.values(ABOUT_TO_RUN, version, key)).length === 0;
  }
}

/** What is added to each counter, in the order of `COUNTER_COLUMNS`. */
function summandsOf(delta: RolloutDelta): number[] {
  const pending = [...delta.pending.values()].reduce((sum, by) => sum + by, 0);
  return TARGET_STATUSES.map((status) => (status === 'pending' ? pending : delta[status]));
}

function isChange(delta: RolloutDelta): boolean {
  return [...delta.pending.values(), ...summandsOf(delta)].some((by) => by !== 0);
}
