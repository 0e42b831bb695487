import type { ComponentChildren } from 'preact';
import { api } from '../../api/api';
import type { ChangePreview, Rollout, RolloutChange, RolloutStatus } from '../../api/types';
import { Confirm } from '../../ui/dialog';
import { WithinPercentage } from '../../ui/due';
import { count, counted } from '../../ui/format';
import { Failure } from '../../ui/parts';
import { useChangedPrinters, useLoad, useReloadOn } from '../../ui/use-load';
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
  useChangedPrinters(() => true, reload);
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
            <WithinPercentage
              due={due}
              of={pending}
              which="that have not been sent it yet"
              percentage={after}
            />
          </li>
        )}
        {status === 'paused' && <li>Nothing is sent until the rollout is resumed.</li>}
        {status === 'scheduled' && <li>Nothing is sent before the scheduled time.</li>}
        {narrows && <li>Updates that were sent are not recalled.</li>}
        <li>
          {underWay === 0 ? 'No update is' : counted(underWay, 'update is', 'updates are')} in progress.
        </li>
        <Declining preview={preview} />
        <li>
          <StayPending preview={preview} status={status} percentage={after} />
        </li>
      </ul>
    </>
  );
}

/** The printers that do not take the update, as they have automatic updates off. */
function Declining({ preview }: { preview: ChangePreview }) {
  const declining = countOf(preview, 'auto_update_off');
  if (declining === 0) return null;
  return (
    <li>
      {counted(declining, 'printer declines', 'printers decline')}: automatic updates are off
      {declining === 1 ? ' on it' : ' on them'}.
    </li>
  );
}

function StayPending({
  preview,
  status,
  percentage,
}: {
  preview: ChangePreview;
  status: RolloutStatus;
  percentage: number;
}) {
  const { pending, due, waiting } = preview;
  const outside = pending - due;
  const held = waiting.reduce((sum, { printers }) => sum + printers, 0) - countOf(preview, 'auto_update_off');
  const offline = countOf(preview, 'offline');
  const left = outside + held;
  if (left === 0) return <>No printer stays pending.</>;
  const reasons: string[] = [];
  if (status === 'active') {
    if (outside > 0) reasons.push(`${count(outside)} not within ${percentage} %`);
    if (offline > 0) reasons.push(`${count(offline)} offline`);
    if (held > offline) reasons.push(`${count(held - offline)} waiting for another update or rollout`);
  }
  return (
    <>
      {counted(left, 'printer stays', 'printers stay')} pending
      {reasons.length > 0 && `: ${reasons.join(', ')}`}.
    </>
  );
}

/** How many printers within the percentage are sent nothing now for one reason. */
function countOf({ waiting }: ChangePreview, reason: string): number {
  return waiting.find((one) => one.reason === reason)?.printers ?? 0;
}
