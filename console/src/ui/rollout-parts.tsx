import type { Rollout, RolloutStatus, TargetState } from '../api/types';
import { State } from './parts';
import type { StateKind } from './parts';

const ROLLOUT_KINDS: Record<RolloutStatus, StateKind> = {
  scheduled: 'idle',
  active: 'busy',
  paused: 'warn',
  completed: 'good',
  cancelled: 'idle',
};

/** The status of a rollout. */
export function RolloutState({ status }: { status: RolloutStatus }) {
  return <State kind={ROLLOUT_KINDS[status]}>{status}</State>;
}

const UPDATE_KINDS: Record<TargetState, StateKind> = {
  pending: 'idle',
  in_progress: 'busy',
  completed: 'good',
  failed: 'bad',
  declined: 'warn',
};

/** The states that a target goes through, in the order of a plot, with their names. */
export const TARGET_STATES = [
  ['completed', 'Completed'],
  ['in_progress', 'In progress'],
  ['failed', 'Failed'],
  ['declined', 'Declined'],
  ['pending', 'Pending'],
] as const satisfies ReadonlyArray<readonly [TargetState, string]>;

/** The status of an update. */
export function UpdateState({ status }: { status: TargetState }) {
  return <State kind={UPDATE_KINDS[status]}>{status.replace('_', ' ')}</State>;
}

/** How fast a rollout goes: `immediate`, or `gradual, 10 %`. */
export function rolloutTypeText({ rollout_type: type, rollout_percentage: percentage }: Rollout): string {
  return type === 'immediate' ? type : `${type}, ${percentage} %`;
}

/** Whom a rollout is for, in words. */
export function targetText({ target, target_ids_count: count, target_ids_kind: kind }: Rollout): string {
  const { all, channels, min_version: min, max_version: max } = target;
  const who = all
    ? 'all printers'
    : kind === 'user_ids'
      ? `printers of ${count} ${count === 1 ? 'user' : 'users'}`
      : kind === 'printer_ids'
        ? `${count} selected ${count === 1 ? 'printer' : 'printers'}`
        : 'printers';
  const runs = kind === 'printer_ids' && count === 1 ? 'runs' : 'run';
  const parts = [who];
  if (channels !== null) parts.push(`in ${channels.join(', ')}`);
  if (min !== null && min === max) parts.push(`that ${runs} ${min}`);
  else if (min !== null && max !== null) parts.push(`that ${runs} ${min} to ${max}`);
  else if (min !== null) parts.push(`that ${runs} ${min} or later`);
  else if (max !== null) parts.push(`that ${runs} ${max} or earlier`);
  return parts.join(' ');
}
