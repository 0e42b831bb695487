import { useState } from 'preact/hooks';
import type { Rollout } from '../../api/types';
import { ScopeNote, ScopedButton } from '../../ui/scoped';
import { Cancel, Delete, Pause, Resume, Retry } from './dialogs';
import { Percentage } from './percentage';
import { RollBack, canRollBack } from './roll-back';
import { stepsOf } from './steps';
import type { StepName } from './steps';

type Asked = StepName | 'roll-back';

const DIALOGS = {
  pause: Pause,
  resume: Resume,
  percentage: Percentage,
  retry: Retry,
  'roll-back': RollBack,
  cancel: Cancel,
  delete: Delete,
} as const;

/** What can be done to a rollout as it is now; each asks first. */
export function Actions({ rollout }: { rollout: Rollout }) {
  const [asked, ask] = useState<Asked | null>(null);
  const steps: Array<{ step: Asked; name: string }> = stepsOf(rollout);
  const buttons = canRollBack(rollout)
    ? steps.flatMap((one) =>
        one.step === 'cancel' ? [{ step: 'roll-back' as const, name: 'Roll back' }, one] : [one],
      )
    : steps;
  const Dialog = asked === null ? null : DIALOGS[asked];
  return (
    <>
      {buttons.map(({ step, name }) => (
        <ScopedButton
          key={slotOf(step)}
          scope="rollouts:write"
          class={lookOf(step)}
          onClick={() => ask(step)}
        >
          {name}
        </ScopedButton>
      ))}
      <ScopeNote scope="rollouts:write" />
      {Dialog && <Dialog rollout={rollout} close={() => ask(null)} />}
    </>
  );
}

/** What takes the place of another keeps its button, and so the focus. */
function slotOf(step: Asked): string {
  return step === 'pause' || step === 'resume' ? 'run' : step;
}

function lookOf(step: Asked): string {
  if (step === 'pause' || step === 'resume') return '';
  return step === 'cancel' || step === 'delete' ? 'danger quiet' : 'quiet';
}
