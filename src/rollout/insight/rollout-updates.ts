import { Injectable } from '@nestjs/common';
import { NotFoundError } from '../../common/errors.js';
import { Database } from '../../database/database.js';
import type { CountedPage } from '../../database/page.js';
import type { Table } from '../../database/table.js';
import type { TargetStatus, UpdateStatus } from '../rules/status.js';
import { PendingList } from './pending-list.js';
import { namesOf } from './rollout-failures.js';
import type { NamedPrinter } from './rollout-failures.js';
import { countersOf } from '../store/entities/rollout-counters.js';
import { Rollout } from '../store/entities/rollout.entity.js';
import { SLICE, readPage } from '../store/target-page.js';
import type { Targets } from '../store/target-page.js';
import { PrinterUpdate } from '../store/entities/printer-update.entity.js';
import type { Sql } from '../../database/sql.js';

/** One target of a rollout. */
export interface ListedUpdate {
  printer: NamedPrinter;
  /** Null if it was sent nothing yet. */
  update: PrinterUpdate | null;
}

// Each uses the smallest index that is sorted by printer. `NOT superseded` keeps SQLite from using the index over all updates that count,
// in which the failed ones may be a few among a million.
const ROWS: Record<UpdateStatus, string> = {
  in_progress: `status = 'in_progress' AND NOT superseded`,
  completed: 'rollout_id = ? AND superseded = false',
  failed: `rollout_id = ? AND status = 'failed' AND NOT superseded`,
  declined: `rollout_id = ? AND status = 'declined' AND NOT superseded`,
};

/** Lists the targets of a rollout by the status of their update. */
@Injectable()
export class RolloutUpdates {
  private readonly rollouts: Table<Rollout>;
  private readonly updates: Table<PrinterUpdate>;

  constructor(
    private readonly database: Database,
    private readonly pending: PendingList,
  ) {
    this.rollouts = database.table(Rollout);
    this.updates = database.table(PrinterUpdate);
  }

  /**
   * One page, read from a snapshot. Any page may be short, because the number of rows read for it is limited.
   *
   * @param after number of the printer after which it starts
   * @throws NotFoundError if there is no such rollout
   */
  page(
    rolloutId: number,
    status: TargetStatus,
    limit: number,
    after: number,
  ): Promise<CountedPage<ListedUpdate>> {
    return this.database.scan(async (sql) => {
      const rollout = await this.rollouts.find(sql, 'WHERE id = ?', rolloutId);
      if (rollout === null) throw new NotFoundError(`Rollout not found: ${rolloutId}`);
      const { rows: targets, nextCursor } =
        status === 'pending'
          ? await this.pending.page(sql, rollout, limit, after)
          : await readPage(limit, after, (from) => this.read(sql, rolloutId, status, from));
      const names = await namesOf(
        sql,
        targets.map(({ printerId }) => printerId),
      );
      return {
        rows: targets.flatMap(({ printerId, update }) => {
          const printer = names.get(printerId);
          return printer ? [{ printer, update }] : [];
        }),
        total: countersOf(rollout)[status],
        nextCursor,
      };
    });
  }

  private async read(sql: Sql, rolloutId: number, status: UpdateStatus, after: number): Promise<Targets> {
    const rest = `WHERE ${ROWS[status]} AND printer_id > ? ORDER BY printer_id LIMIT ?`;
    const values = status === 'in_progress' ? [after, SLICE] : [rolloutId, after, SLICE];
    const rows = await this.updates.select(sql, rest, ...values);
    return {
      rows: rows
        .filter((update) => update.rolloutId === rolloutId && update.status === status)
        .map((update) => ({ printerId: update.printerId, update })),
      nextCursor: rows.length < SLICE ? null : (rows.at(-1)?.printerId ?? null),
    };
  }
}
