import { Fragment } from 'preact';
import type { ComponentChildren } from 'preact';
import type { Rollout } from '../api/types';
import { address } from './address';
import { count, counted } from './format';
import type { Part } from './stacked-bar';

/** The targets that are due, as the parts of a bar: progress is measured against them, not against all that match. */
export function duePartsOf(rollout: Rollout): Part[] {
  return [
    { kind: 'completed', label: 'Completed', value: rollout.completed_count },
    { kind: 'in_progress', label: 'In progress', value: rollout.in_progress_count },
    { kind: 'failed', label: 'Failed', value: rollout.failed_count },
    { kind: 'declined', label: 'Declined', value: rollout.declined_count },
    { kind: 'pending', label: 'Not sent yet', value: rollout.due_pending_count },
  ];
}

/** How many targets match and are not due: outside the percentage, or before the scheduled time. */
export function notDueCount({ total_targets: total, due_count: due }: Rollout): number {
  return total - due;
}

/** Progress in words: `58 due: 44 ok, 10 failed, 4 declined`. The failed ones are a link to their list. */
export function DueText({ rollout }: { rollout: Rollout }) {
  const { id, failed_count: failed } = rollout;
  const parts: Array<[number, ComponentChildren]> = [
    [rollout.completed_count, `${count(rollout.completed_count)} ok`],
    [
      failed,
      <a key="failed" class="alarm" href={address(`/rollouts/${id}`, { status: 'failed' })}>
        <b>{count(failed)} failed</b>
      </a>,
    ],
    [rollout.declined_count, `${count(rollout.declined_count)} declined`],
    [rollout.in_progress_count, `${count(rollout.in_progress_count)} in progress`],
    [rollout.due_pending_count, `${count(rollout.due_pending_count)} not sent yet`],
  ];
  const shown = parts.filter(([value]) => value > 0);
  return (
    <>
      <b>{count(rollout.due_count)} due</b>
      {shown.map(([, text], index) => (
        <Fragment key={index}>
          {index === 0 ? ': ' : ', '}
          {text}
        </Fragment>
      ))}
    </>
  );
}

/** Progress in words, and how many match that are not due, for a line in a list. */
export function DueLine({ rollout }: { rollout: Rollout }) {
  const later = notDueCount(rollout);
  return (
    <span class="hint">
      <DueText rollout={rollout} />
      {later > 0 && `; ${count(later)} not due yet`}
    </span>
  );
}

/** How many printers a percentage reaches, as the server counted them by their buckets: `0 of 5 printers ...`. */
export function WithinPercentage({
  due,
  of,
  which,
  percentage,
}: {
  due: number;
  of: number;
  /** Which printers are counted: `that match`. */
  which: string;
  percentage: number;
}) {
  return (
    <>
      <b>{count(due)}</b> of {counted(of, 'printer')} {which} {due === 1 ? 'is' : 'are'} within {percentage}{' '}
      %, by bucket.
    </>
  );
}
