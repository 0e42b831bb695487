import type { ComponentChildren } from 'preact';
import { api } from '../../api/api';
import type { ChangePreview, Rollout, RolloutChange, RolloutStatus } from '../../api/types';
import { Confirm } from '../../ui/dialog';
import { WithinPercentage } from '../../ui/due';
import { counted } from '../../ui/format';
import { Failure } from '../../ui/parts';
import { useLoad, useReloadOn } from '../../ui/use-load';
import { change as make } from './change';
import { countersOf } from './use-rollout';

/** Asks before a change that can send something, and says to how many printers, as the server has counted them. */
export function Consequence({
  rollout,
  change,
  title,
  action,
  ready = true,
  close,
  children,
}: {
  rollout: Rollout;
  change: RolloutChange;
  title: string;
  action: string;
  ready?: boolean;
  close: () => void;
  children?: ComponentChildren;
}) {
  const { id } = rollout;
  const { data, error, reload } = useLoad(`preview ${id} ${JSON.stringify(change)}`, (stop) =>
    api.previewChange(id, change, stop),
  );
  useReloadOn(countersOf(rollout), reload);
  return (
    <Confirm
      title={title}
      action={action}
      // A failed count must not keep an operator from making the change.
      ready={ready && (data !== null || error != null)}
      run={() => make(id, change)}
      close={close}
    >
      {children}
      <Failure error={error} retry={reload} />
      <div class="consequence" role="status">
        {ready && data !== null && <Counted preview={data} rollout={rollout} change={change} />}
        {ready && data === null && error == null && (
          <p class="hint" aria-busy="true">
            Counting the printers
          </p>
        )}
      </div>
    </Confirm>
  );
}

function Counted({
  preview,
  rollout,
  change,
}: {
  preview: ChangePreview;
  rollout: Rollout;
  change: RolloutChange;
}) {
  const { now, in_progress: underWay, pending, due } = preview;
  const { firmware_version: version, rollout_percentage: before } = rollout;
  const { rollout_percentage: after = before, status = rollout.status } = change;
  const left = Math.max(0, pending - now);
  const narrows = after < before;
  return (
    <>
      <p class="headline">
        {now > 0 ? (
          <>
            This sends {version} to <b>{counted(now, 'more printer')}</b> now.
          </>
        ) : (
          <>
            This sends {version} to <b>no printer</b> now.
          </>
        )}
      </p>
      <ul>
        {after < 100 && pending > 0 && (
          <li>
            <WithinPercentage due={due} of={pending} which="that were sent nothing yet" percentage={after} />
          </li>
        )}
        {status === 'paused' && <li>Nothing is sent before the rollout is resumed.</li>}
        {status === 'scheduled' && <li>Nothing is sent before the time that it is scheduled for.</li>}
        {narrows && <li>What has been sent is not recalled.</li>}
        <li>{underWay === 0 ? 'No update is' : counted(underWay, 'update is', 'updates are')} under way.</li>
        <li>
          {left === 0
            ? 'No printer stays pending'
            : counted(left, 'printer stays', 'printers stay') + ' pending'}
          {left > 0 && whyPending(status, after)}.
        </li>
      </ul>
    </>
  );
}

function whyPending(status: RolloutStatus, percentage: number): string {
  if (status !== 'active') return '';
  return percentage < 100 ? `: offline, or not among the ${percentage} %` : ': offline, or not due yet';
}
