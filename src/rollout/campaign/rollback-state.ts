import type { RollbackTo } from '../rules/rollback-plan.js';
import type { Rollout } from '../store/entities/rollout.entity.js';
import type { RunningPrinters } from './affected-printers.js';
import type { RollbackPlan } from './rollback-check.js';
import type { Rollback } from '../store/entities/rollback.entity.js';

/** What an operator asks for; versions are canonical. */
export interface RollbackRequest {
  version: string;
  to: RollbackTo;
  deprecate: boolean;
}

/** A rollback as it stands. */
export interface RollbackState {
  rollback: Rollback;
  /** The rollouts that move printers back. */
  rollouts: Rollout[];
  /** The rollouts that it took back. */
  takenBack: number[];
  /** Who still runs the bad version. */
  running: RunningPrinters;
  /** True if this call has created it. */
  created: boolean;
}

/** What a rollback would do. */
export interface RollbackPreview extends RollbackPlan {
  request: RollbackRequest;
  running: RunningPrinters;
  /** The rollouts of the version that would be cancelled, the newest first. */
  cancels: Rollout[];
  /** The rollback of the version that is there already; null if there is none. */
  existing: Rollback | null;
  /** Newer versions that are being rolled back to this one, and would be rolled back further. */
  further: FurtherRollback[];
}

/** A newer version that is rolled back further, because the version that its printers go to is rolled back itself. */
export interface FurtherRollback extends RollbackPlan {
  version: string;
  /** Where its printers would go. */
  to: string;
  running: RunningPrinters;
}
