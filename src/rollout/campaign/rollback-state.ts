import type { RollbackTo } from '../rules/rollback-plan.js';
import type { Rollout } from '../store/entities/rollout.entity.js';
import type { RunningPrinters } from './affected-printers.js';
import type { RollbackPlan } from './rollback-check.js';
import type { Rollback } from '../store/entities/rollback.entity.js';

/** A rollback that an operator requests; versions are canonical. */
export interface RollbackRequest {
  version: string;
  to: RollbackTo;
  deprecate: boolean;
}

/** The current state of a rollback. */
export interface RollbackState {
  rollback: Rollback;
  /** The rollouts that move printers back. */
  rollouts: Rollout[];
  /** Ids of the rollouts that the rollback took back. */
  takenBack: number[];
  /** The printers that still run the bad version. */
  running: RunningPrinters;
  /** How many of them decline the older version, because their automatic updates are off. */
  optedOut: number;
  /** True if this call created the rollback. */
  created: boolean;
}

/** What a rollback would do. */
export interface RollbackPreview extends RollbackPlan {
  request: RollbackRequest;
  running: RunningPrinters;
  /** How many printers of each of `groups` would decline, because their automatic updates are off. */
  optedOut: number[];
  /** The rollouts of the version that would be cancelled, newest first. */
  cancels: Rollout[];
  /** The existing rollback of the version; null if there is none. */
  existing: Rollback | null;
  /** Newer versions that are being rolled back to this one, and would be rolled back further. */
  further: FurtherRollback[];
}

/** A newer version that is rolled back further because the version its printers are moved to is itself rolled back. */
export interface FurtherRollback extends RollbackPlan {
  version: string;
  /** The version that its printers would be moved to. */
  to: string;
  running: RunningPrinters;
}
