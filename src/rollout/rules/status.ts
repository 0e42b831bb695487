/** The states of a rollout (decisions, "A rollout's life"). */
export const ROLLOUT_STATUSES = ['scheduled', 'active', 'paused', 'completed', 'cancelled'] as const;
export type RolloutStatus = (typeof ROLLOUT_STATUSES)[number];

/** The states that an operator may move a rollout to, by its current state. */
const OPERATOR_STEPS = {
  scheduled: ['active', 'cancelled'],
  active: ['paused', 'cancelled'],
  paused: ['active', 'cancelled'],
  completed: ['cancelled'],
  cancelled: [],
} as const satisfies Record<RolloutStatus, readonly RolloutStatus[]>;

/** True if an operator may move a rollout from one state to the other; the server itself also moves active <-> completed. */
export function canOperatorTransition(from: RolloutStatus, to: RolloutStatus): boolean {
  return (OPERATOR_STEPS[from] as readonly RolloutStatus[]).includes(to);
}

/** The states of an update (decisions, "An update's life"). `pending` is computed and never stored. */
export const UPDATE_STATUSES = ['in_progress', 'completed', 'failed', 'declined'] as const;
export type UpdateStatus = (typeof UPDATE_STATUSES)[number];

/** What has become of a target: nothing was sent to it yet, or the state of its update. */
export const TARGET_STATUSES = ['pending', ...UPDATE_STATUSES] as const;
export type TargetStatus = (typeof TARGET_STATUSES)[number];

/** completed <-> failed only if the version at a subscribe says so; declined -> in_progress when the update is opened again. */
const UPDATE_STEPS = {
  in_progress: ['completed', 'failed', 'declined'],
  completed: ['failed'],
  failed: ['completed'],
  declined: ['in_progress'],
} as const satisfies Record<UpdateStatus, readonly UpdateStatus[]>;

/** True if an update may go from one state to the other. */
export function canTransition(from: UpdateStatus, to: UpdateStatus): boolean {
  return (UPDATE_STEPS[from] as readonly UpdateStatus[]).includes(to);
}

/** Maximum number of times that one update is sent before it counts as failed. */
export const MAX_SENDS = 3;
