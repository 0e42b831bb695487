import { ConflictError } from '../../common/errors.js';
import { canOperatorTransition } from '../rules/status.js';
import type { RolloutStatus } from '../rules/status.js';
import type { Rollout } from '../store/entities/rollout.entity.js';

/** A change to a rollout. Absent fields stay as they are. */
export interface RolloutChange {
  status?: RolloutStatus | undefined;
  percentage?: number | undefined;
  /** Null removes it. */
  name?: string | null | undefined;
  note?: string | null | undefined;
}

/** The fields of a rollout that an operator can change. */
export type RolloutState = Pick<Rollout, 'status' | 'percentage' | 'name' | 'note'>;

/**
 * Computes the state of a rollout after a change. Setting a field to its current value is no change.
 *
 * @throws ConflictError if the rollout cannot make that transition
 */
export function stateAfter(rollout: Rollout, change: RolloutChange): RolloutState {
  const { status = rollout.status, percentage = rollout.percentage } = change;
  const { name = rollout.name, note = rollout.note } = change;
  if (percentage !== rollout.percentage) requireMovable(rollout);
  if (status !== rollout.status && !canOperatorTransition(rollout.status, status))
    throw new ConflictError(`Rollout ${rollout.id} is ${rollout.status}, and cannot become ${status}`);
  return { status, percentage, name, note };
}

function requireMovable(rollout: Rollout): void {
  if (rollout.type === 'immediate')
    throw new ConflictError(`Rollout ${rollout.id} is immediate: its rollout_percentage is always 100`);
  if (rollout.status === 'cancelled')
    throw new ConflictError(`Rollout ${rollout.id} is cancelled, and cannot be changed any more`);
}
