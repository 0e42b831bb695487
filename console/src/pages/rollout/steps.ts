import type { Rollout, RolloutChange } from '../../api/types';
import { USUAL_PERCENTAGES } from '../../ui/percentage-field';

export type StepName = 'pause' | 'resume' | 'percentage' | 'retry' | 'cancel' | 'delete';

/** Something that can be done to a rollout, and the request that does it. */
export interface Step {
  step: StepName;
  /** A verb, for a button. */
  name: string;
  method: 'PATCH' | 'POST' | 'DELETE';
  path: string;
  body?: RolloutChange;
}

/** What can be done to a rollout as it is now. */
export function stepsOf(rollout: Rollout): Step[] {
  const { status, rollout_type: type, failed_count: failed } = rollout;
  const path = `/api/rollouts/${rollout.id}`;
  const change = (step: StepName, name: string, body: RolloutChange): Step => ({
    step,
    name,
    method: 'PATCH',
    path,
    body,
  });
  const steps: Step[] = [];
  if (status === 'active') steps.push(change('pause', 'Pause', { status: 'paused' }));
  if (status === 'paused') steps.push(change('resume', 'Resume', { status: 'active' }));
  if (status === 'scheduled') steps.push(change('resume', 'Start now', { status: 'active' }));
  if (type !== 'immediate' && (status === 'active' || status === 'paused' || status === 'scheduled')) {
    const body = { rollout_percentage: nextPercentage(rollout.rollout_percentage) };
    steps.push(change('percentage', 'Change percentage', body));
  }
  if (failed > 0 && status !== 'cancelled') {
    steps.push({ step: 'retry', name: 'Retry failed', method: 'POST', path: `${path}/retry` });
  }
  if (status !== 'cancelled') steps.push(change('cancel', 'Cancel', { status: 'cancelled' }));
  steps.push({ step: 'delete', name: 'Delete', method: 'DELETE', path });
  return steps;
}

/** The usual percentage behind one; the one before it where there is none behind. */
export function nextPercentage(percentage: number): number {
  return USUAL_PERCENTAGES.find((one) => one > percentage) ?? USUAL_PERCENTAGES.at(-2) ?? percentage;
}
