import { useState } from 'preact/hooks';
import type { Rollout } from '../../api/types';
import { ScopeNote, ScopedButton } from '../../ui/scoped';
import { lazyDialog } from '../../ui/lazy-dialog';
import type { DialogProps } from './change';
import type * as Dialogs from './dialogs';
import { LazyRollbackDialog } from '../../ui/rollback/lazy-rollback-dialog';
import { stepsOf } from './steps';
import type { StepName } from './steps';

type Asked = StepName | 'roll-back' | 'describe';

const dialogs = (): Promise<typeof Dialogs> => import('./dialogs');

const DIALOGS = {
  pause: lazyDialog<DialogProps>(async () => (await dialogs()).Pause),
  resume: lazyDialog<DialogProps>(async () => (await dialogs()).Resume),
  percentage: lazyDialog<DialogProps>(async () => (await import('./percentage')).Percentage),
  describe: lazyDialog<DialogProps>(async () => (await import('./describe')).Describe),
  retry: lazyDialog<DialogProps>(async () => (await dialogs()).Retry),
  cancel: lazyDialog<DialogProps>(async () => (await dialogs()).Cancel),
  delete: lazyDialog<DialogProps>(async () => (await dialogs()).Delete),
} as const;

/** What can be done to a rollout as it is now; each asks first. */
export function Actions({ rollout }: { rollout: Rollout }) {
  const [asked, ask] = useState<Asked | null>(null);
  const steps: Array<{ step: Asked; name: string }> = stepsOf(rollout);
  const before = steps.findIndex(({ step }) => step === 'cancel' || step === 'delete');
  const rollBack = { step: 'roll-back', name: `Roll back ${rollout.firmware_version}` } as const;
  const describe = { step: 'describe', name: 'Name and note' } as const;
  const buttons = steps.toSpliced(before, 0, describe, ...(canRollBack(rollout) ? [rollBack] : []));
  const Dialog = asked === null || asked === 'roll-back' ? null : DIALOGS[asked];
  const close = (): void => ask(null);
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
      {Dialog && <Dialog rollout={rollout} close={close} />}
      {asked === 'roll-back' && <LazyRollbackDialog version={rollout.firmware_version} close={close} />}
    </>
  );
}

/** True if printers run what a rollout brought, or are getting it, and it is not being rolled back. */
function canRollBack(rollout: Rollout): boolean {
  const { completed_count: completed, in_progress_count: underWay } = rollout;
  return completed + underWay > 0 && rollout.rolls_back === null && rollout.rolled_back_by.length === 0;
}

/** What takes the place of another keeps its button, and so the focus. */
function slotOf(step: Asked): string {
  return step === 'pause' || step === 'resume' ? 'run' : step;
}

function lookOf(step: Asked): string {
  if (step === 'pause' || step === 'resume') return '';
  return step === 'cancel' || step === 'delete' ? 'danger quiet' : 'quiet';
}
