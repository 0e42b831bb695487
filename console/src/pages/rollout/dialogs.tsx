import { useLocation } from 'preact-iso';
import { api } from '../../api/api';
import { noteRollout } from '../../api/live';
import type { Rollout } from '../../api/types';
import { Confirm } from '../../ui/dialog';
import { count, counted } from '../../ui/format';
import { change } from './change';
import { useChangedPrinters, useLoad } from '../../ui/use-load';
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
      {isStart && <p>It starts at once instead of at its scheduled time.</p>}
    </Consequence>
  );
}

/** Asks before a rollout is cancelled. */
export function Cancel({ rollout, close }: DialogProps) {
  return (
    <Confirm
      title={`Cancel rollout ${rollout.id}?`}
      action="Cancel the rollout"
      dismiss="Keep it"
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
  const running = useRunning(rollout);
  return (
    <ul>
      <li>This is final: it cannot be resumed.</li>
      <li>
        <Pending rollout={rollout} />.
      </li>
      <li>
        <UnderWay rollout={rollout} />
      </li>
      {running !== 0 && <Keeps version={rollout.firmware_version} running={running} />}
    </ul>
  );
}

/** How many printers run the version of a rollout, whichever rollout they got it from; null if that is not known. */
function useRunning({ firmware_version: version }: Rollout): number | null {
  const { data, reload } = useLoad(`running ${version}`, (stop) =>
    api.printers({ firmware_version: version, limit: 1 }, stop),
  );
  useChangedPrinters(() => true, reload);
  return data?.total ?? null;
}

function Keeps({ version, running }: { version: string; running: number | null }) {
  return (
    <li>
      {running === null
        ? `Printers that run ${version} keep it.`
        : `${counted(running, 'printer runs', 'printers run')} ${version} now, and ${running === 1 ? 'keeps' : 'keep'} it.`}{' '}
      Printers that this rollout updated may be moved back by a later rollout of an older version.
    </li>
  );
}

/** Asks before an update is sent again to the printers on which it failed. */
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
        This sends {version} again to the <b>{counted(failed, 'printer')}</b> on which it failed:{' '}
        {status === 'paused'
          ? 'once the rollout is resumed.'
          : 'at once if online, otherwise when connecting. Printers that the rollout no longer targets stay failed.'}
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
      dismiss="Keep it"
      dangerous
      run={async () => {
        await api.deleteRollout(id);
        route('/rollouts');
      }}
      close={close}
    >
      {status === 'cancelled' ? (
        <p>The rollout, its counters and its history curve are removed. This cannot be undone.</p>
      ) : (
        <>
          <p>It is cancelled, then removed with its counters and its history curve. This cannot be undone.</p>
          <CancelMeans rollout={rollout} />
        </>
      )}
      <p>
        {completed > 0 && `No printer loses ${version}. `}Its updates remain in the history of each printer.
      </p>
    </Confirm>
  );
}

function UnderWay({ rollout }: { rollout: Rollout }) {
  const { in_progress_count: underWay } = rollout;
  if (underWay === 0) return <>No update is in progress.</>;
  return (
    <>
      <b>{counted(underWay, 'update')}</b> in progress{' '}
      {underWay === 1 ? 'continues and is' : 'continue and are'} still counted.
    </>
  );
}

function Pending({ rollout }: { rollout: Rollout }) {
  const { pending_count: pending } = rollout;
  if (pending === 0) return <>No printer is pending, and printers that match later get nothing</>;
  return (
    <>
      <b>{count(pending)}</b> pending {pending === 1 ? 'printer gets' : 'printers get'} nothing
    </>
  );
}
