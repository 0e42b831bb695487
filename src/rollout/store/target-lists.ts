import { Injectable } from '@nestjs/common';
import type { Statements } from '../../database/statements.js';
import type { Transaction } from '../../database/transaction.js';
import { RolloutTargetRow } from './entities/rollout-target.entity.js';

/** The printers or users that a rollout lists, as JSON; at most one of the two is set. */
export type TargetLists = Pick<RolloutTargetRow, 'userIds' | 'printerIds'>;

/** The lists of a rollout that names all printers or channels. */
export const NO_LISTS: TargetLists = { userIds: null, printerIds: null };

/** The kinds of list that a rollout can have. */
export const LIST_KINDS = ['user_ids', 'printer_ids'] as const;
export type ListKind = (typeof LIST_KINDS)[number];

const KIND = 'SELECT user_ids IS NULL FROM rollout_target WHERE rollout_id = ?';
const OF_ONE = 'SELECT user_ids, printer_ids FROM rollout_target WHERE rollout_id = ?';

/** Stores the lists of rollouts that name printers or users one by one. */
@Injectable()
export class RolloutTargets {
  /** Inserts the lists of a new rollout. */
  async insert(tx: Transaction, rolloutId: number, lists: TargetLists): Promise<void> {
    if (lists.userIds !== null || lists.printerIds !== null)
      await tx.em.insert(RolloutTargetRow, { rolloutId, ...lists });
  }

  /** The lists of one rollout. */
  of(db: Statements, rolloutId: number): TargetLists {
    const row = db.getValues(OF_ONE, rolloutId);
    return row === undefined
      ? NO_LISTS
      : { userIds: row[0] as string | null, printerIds: row[1] as string | null };
  }
  /** The kind of list that a rollout has, without reading the list; null if it has none. */
  kindOf(db: Statements, rolloutId: number): ListKind | null {
    const row = db.getValues(KIND, rolloutId);
    if (row === undefined) return null;
    return row[0] === 1 ? 'printer_ids' : 'user_ids';
  }
}
