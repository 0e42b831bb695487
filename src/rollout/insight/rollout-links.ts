import { Injectable } from '@nestjs/common';
import type { CameFrom } from '../rules/rollback-plan.js';
import type { Rollout } from '../store/entities/rollout.entity.js';
import type { Sql } from '../../database/sql.js';

/** What a rollback rollout takes back. */
export interface TakesBack {
  version: string;
  /** The rollouts of that version that its rollback took back. */
  rollouts: number[];
  cameFrom: CameFrom | null;
}

/** How a rollout is related to rollbacks. */
export interface Links {
  /** Null if the rollout is not part of a rollback. */
  takesBack: TakesBack | null;
  /** The rollouts that move its printers back; empty if its version was not taken back. */
  takenBackBy: number[];
}

const NONE: Links = { takesBack: null, takenBackBy: [] };
const CREATED = 'SELECT id FROM rollout WHERE rollback_id = ? ORDER BY id';
const TAKEN_BACK = 'SELECT id FROM rollout WHERE taken_back_by = ? ORDER BY id';

/** Reads how rollouts are related to rollbacks. */
@Injectable()
export class RolloutLinks {
  /** The links of one rollout. */
  async of(sql: Sql, rollout: Rollout): Promise<Links> {
    const { rollbackId, takenBackBy, minVersion } = rollout;
    if (rollbackId === null && takenBackBy === null) return NONE;
    const ids = async (text: string, rollback: number): Promise<number[]> =>
      (await sql.values(text, rollback)).map(([id]) => Number(id));
    return {
      takesBack:
        rollbackId === null || minVersion === null
          ? null
          : {
              version: minVersion,
              rollouts: await ids(TAKEN_BACK, rollbackId),
              cameFrom: rollout.cameFrom === null ? null : (JSON.parse(rollout.cameFrom) as CameFrom),
            },
      takenBackBy: takenBackBy === null ? [] : await ids(CREATED, takenBackBy),
    };
  }
}
