import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/transaction.js';
import type { RolloutTargetRow } from './entities/rollout-target.entity.js';
import type { Sql } from '../../database/sql.js';

/** The printers or users that a rollout lists, as JSON; at most one of the two is set. */
export type TargetLists = Pick<RolloutTargetRow, 'userIds' | 'printerIds'>;

/** The lists of a rollout that names all printers or channels. */
export const NO_LISTS: TargetLists = { userIds: null, printerIds: null };

/** The kinds of list that a rollout can have. */
export const LIST_KINDS = ['user_ids', 'printer_ids'] as const;
export type ListKind = (typeof LIST_KINDS)[number];

const INSERT = 'INSERT INTO rollout_target (rollout_id, user_ids, printer_ids) VALUES (?, ?, ?)';
const KIND = 'SELECT user_ids IS NULL FROM rollout_target WHERE rollout_id = ?';
const OF_ONE = 'SELECT user_ids, printer_ids FROM rollout_target WHERE rollout_id = ?';

/** Stores the lists of rollouts that name printers or users one by one. */
@Injectable()
export class RolloutTargets {
  /** Inserts the lists of a new rollout. */
  async insert(tx: Transaction, rolloutId: number, lists: TargetLists): Promise<void> {
    if (lists.userIds !== null || lists.printerIds !== null)
      await tx.sql.run(INSERT, rolloutId, lists.userIds, lists.printerIds);
  }

  /** The lists of one rollout. */
  async of(sql: Sql, rolloutId: number): Promise<TargetLists> {
    const [row] = await sql.values(OF_ONE, rolloutId);
    return row === undefined
      ? NO_LISTS
      : { userIds: row[0] as string | null, printerIds: row[1] as string | null };
  }

  /** The kind of list that a rollout has, without reading the list; null if it has none. */
  async kindOf(sql: Sql, rolloutId: number): Promise<ListKind | null> {
    const [row] = await sql.values(KIND, rolloutId);
    if (row === undefined) return null;
    return row[0] === 1 ? 'printer_ids' : 'user_ids';
  }
}
