import { ConflictError } from '../../common/errors.js';
import { canOperatorTransition } from '../rules/status.js';
import type { RolloutStatus } from '../rules/status.js';
import type { Rollout } from '../store/entities/rollout.entity.js';

/** What can be changed of a rollout later; what is absent stays. */
export interface RolloutChange {
  status?: RolloutStatus | undefined;
  percentage?: number | undefined;
  /** Null takes it away. */
  name?: string | null | undefined;
  note?: string | null | undefined;
}

/** What of a rollout an operator changes. */
export type RolloutState = Pick<Rollout, 'status' | 'percentage' | 'name' | 'note'>;

/**
 * Says what a rollout is after a change; to what it is already is no change.
 *
 * @throws ConflictError where its life lacks that step
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
