import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../../database/transaction.js';
import type { Firmware } from '../../../firmware/firmware.entity.js';
import type { RolloutRule } from '../../rules/targeting.js';
import { chosenBuilds } from '../../store/rollout-rules.js';
import { SentBuilds } from '../../store/sent-builds.js';

/** Updates read per statement. */
const BATCH_ROWS = 500;

const NAMED_ROW = 'UPDATE rollout SET firmware_version_id = ? WHERE id = ? AND firmware_version_id = ?';
const UNDER_WAY = `SELECT id, printer_id AS "printerId", firmware_id AS "firmwareId" FROM printer_update
  WHERE status = 'in_progress' AND printer_id > ? ORDER BY printer_id LIMIT ?`;
const SENT_ROW = 'UPDATE printer_update SET firmware_id = ? WHERE id = ?';

/** Replaces rows that are about to be deleted by others with the same bytes, in rollouts and in updates. */
@Injectable()
export class BuildReplacement {
  constructor(private readonly sent: SentBuilds) {}

  /**
   * Call this before the rows are deleted, in the same transaction.
   *
   * @param rows rows of one version that are about to be deleted
   * @param remaining the other rows of the version, in the order of `compareRows`
   * @param rules the rollouts of the version that are not cancelled
   */
  async replace(
    tx: Transaction,
    rows: readonly Firmware[],
    remaining: readonly Firmware[],
    rules: readonly RolloutRule[],
  ): Promise<void> {
    for (const rule of rules) {
      for (const row of rows) {
        const next = substitute(row, remaining, rule);
        if (next) await tx.sql.run(NAMED_ROW, next.id, rule.id, row.id);
      }
    }
    const substitutes = new Map<number, number>();
    for (const row of rows) {
      const next = substitute(row, remaining, null);
      if (next) substitutes.set(row.id, next.id);
    }
    if (substitutes.size > 0) await this.moveUpdates(tx, substitutes);
  }

  private async moveUpdates(tx: Transaction, substitutes: ReadonlyMap<number, number>): Promise<void> {
    for (let after: number | null = 0; after !== null;) {
      const updates = await tx.sql.rows(UNDER_WAY, after, BATCH_ROWS);
      const moved = updates.map(({ firmwareId }) => substitutes.get(Number(firmwareId)));
      await this.sent.record(tx, new Set(moved.filter((next) => next !== undefined)));
      for (const { id, firmwareId } of updates) {
        const next = substitutes.get(Number(firmwareId));
        if (next === undefined) continue;
        await tx.sql.run(SENT_ROW, next, Number(id));
      }
      after = updates.length < BATCH_ROWS ? null : Number(updates.at(-1)?.printerId);
    }
  }
}

/** The row with the same bytes, for the same boards, that a rollout takes next; without a rollout, the most stable one. */
function substitute(
  row: Firmware,
  remaining: readonly Firmware[],
  rule: RolloutRule | null,
): Firmware | undefined {
  return chosenBuilds(remaining, rule?.channels ?? null, new Map([[row.platform, row.sha256]]))[0];
}
