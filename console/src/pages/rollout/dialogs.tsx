import { useLocation } from 'preact-iso';
import { api } from '../../api/api';
import { noteRollout } from '../../api/live';
import type { Rollout } from '../../api/types';
import { Confirm } from '../../ui/dialog';
import { count, counted } from '../../ui/format';
import { change } from './change';
import type { DialogProps } from './change';
import { Consequence } from './consequence';

/** Asks before a rollout is paused. */
export function Pause({ rollout, close }: DialogProps) {
  return (
    <Confirm
      title={`Pause rollout ${rollout.id}?`}
      action="Pause"
      run={() => change(rollout.id, { status: 'paused' })}
      close={close}
    >
      <ul>
        <li>
          <UnderWay rollout={rollout} />
        </li>
        <li>
          <Pending rollout={rollout} /> until it is resumed.
        </li>
      </ul>
    </Confirm>
  );
}

/** Asks before a rollout is resumed, or started before its time. */
export function Resume({ rollout, close }: DialogProps) {
  const isStart = rollout.status === 'scheduled';
  const to = { status: 'active' } as const;
  return (
    <Consequence
      rollout={rollout}
      change={to}
      title={isStart ? `Start rollout ${rollout.id} now?` : `Resume rollout ${rollout.id}?`}
      action={isStart ? 'Start now' : 'Resume'}
      close={close}
    >
      {isStart && <p>It does not wait for the time that it is scheduled for.</p>}
    </Consequence>
  );
}

/** Asks before a rollout is cancelled. */
export function Cancel({ rollout, close }: DialogProps) {
  return (
    <Confirm
      title={`Cancel rollout ${rollout.id}?`}
      action="Cancel the rollout"
      dangerous
      run={() => change(rollout.id, { status: 'cancelled' })}
      close={close}
    >
      <CancelMeans rollout={rollout} />
    </Confirm>
  );
}

/** What follows when a rollout is cancelled. */
export function CancelMeans({ rollout }: { rollout: Rollout }) {
  const { completed_count: completed, firmware_version: version } = rollout;
  return (
    <ul>
      <li>This is final: it cannot be resumed.</li>
      <li>
        <Pending rollout={rollout} />.
      </li>
      <li>
        <UnderWay rollout={rollout} />
      </li>
      {completed > 0 && (
        <li>
          {counted(completed, 'printer keeps', 'printers keep')} {version} for now. A later rollout of an
          older version may move them back.
        </li>
      )}
    </ul>
  );
}

/** Asks before an update is sent again where it failed. */
export function Retry({ rollout, close }: DialogProps) {
  const { id, failed_count: failed, firmware_version: version, status } = rollout;
  return (
    <Confirm
      title={`Send ${version} again?`}
      action="Retry failed"
      run={async () => noteRollout(await api.retryRollout(id))}
      close={close}
    >
      <p>
        <b>{counted(failed, 'printer is', 'printers are')}</b> sent {version} again,{' '}
        {status === 'paused'
          ? 'once the rollout is resumed.'
          : 'at once where online, else when they connect. Those that it is no longer for stay failed.'}
      </p>
    </Confirm>
  );
}

/** Asks before a rollout is deleted. */
export function Delete({ rollout, close }: DialogProps) {
  const { route } = useLocation();
  const { id, status, firmware_version: version, completed_count: completed } = rollout;
  return (
    <Confirm
      title={`Delete rollout ${id}?`}
      action="Delete the rollout"
      dangerous
      run={async () => {
        await api.deleteRollout(id);
        route('/rollouts');
      }}
      close={close}
    >
      {status === 'cancelled' ? (
        <p>It is removed, with its counters and its curve. This cannot be undone.</p>
      ) : (
        <>
          <p>It is cancelled, then removed with its counters and its curve. This cannot be undone.</p>
          <CancelMeans rollout={rollout} />
        </>
      )}
      <p>
        {completed > 0 && `No printer loses ${version}. `}What it did stays in the history of each printer.
      </p>
    </Confirm>
  );
}

function UnderWay({ rollout }: { rollout: Rollout }) {
  const { in_progress_count: underWay } = rollout;
  if (underWay === 0) return <>No update is under way.</>;
  return (
    <>
      <b>{counted(underWay, 'update')}</b> under way {underWay === 1 ? 'goes on, and is' : 'go on, and are'}{' '}
      counted.
    </>
  );
}

function Pending({ rollout }: { rollout: Rollout }) {
  const { pending_count: pending } = rollout;
  if (pending === 0) return <>No printer is pending; one that comes to match gets nothing</>;
  return (
    <>
      <b>{count(pending)}</b> pending {pending === 1 ? 'printer gets' : 'printers get'} nothing
    </>
  );
}
