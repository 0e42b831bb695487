import { useLocation } from 'preact-iso';
import { useState } from 'preact/hooks';
import { api } from '../../api/api';
import type { Firmware, Rollout } from '../../api/types';
import { address } from '../../ui/address';
import { Confirm } from '../../ui/dialog';
import { counted } from '../../ui/format';
import { Failure, Loading } from '../../ui/parts';
import { useLoad } from '../../ui/use-load';
import type { Loaded } from '../../ui/use-load';
import { change } from './change';
import type { DialogProps } from './change';
import { CancelMeans } from './dialogs';

/** True where printers run what a rollout has brought, and it is not cancelled yet. */
export function canRollBack({ status, completed_count: completed }: Rollout): boolean {
  return completed > 0 && status !== 'cancelled';
}

/** Leads through both steps of going back: cancel, then roll out an older version. */
export function RollBack({ rollout, close }: DialogProps) {
  const { route } = useLocation();
  const { id, firmware_version: version, completed_count: completed } = rollout;
  const { data, error, reload } = useOlder(version);
  const [chosen, choose] = useState<string | null>(null);
  const to = chosen ?? data?.[0] ?? null;
  return (
    <Confirm
      title="Cancel and roll out an older version"
      action="Cancel the rollout, and go on"
      dangerous
      ready={to !== null}
      run={async () => {
        await change(id, { status: 'cancelled' });
        route(newRolloutOf(rollout, to));
      }}
      close={close}
    >
      <p>
        {counted(completed, 'printer has', 'printers have')} got {version} from this rollout. Two steps move
        them back:
      </p>
      <h3>1. Cancel rollout {id}</h3>
      <CancelMeans rollout={rollout} />
      <h3>2. Roll out an older version</h3>
      <Failure error={error} retry={reload} />
      {data === null ? (
        error == null && <Loading />
      ) : data.length === 0 ? (
        <p>
          The server has no older version. <a href="/firmware">Upload it</a> first; a{' '}
          {rollout.status === 'paused' ? 'paused rollout' : 'pause'} keeps more printers from {version} until
          then.
        </p>
      ) : (
        <>
          <label>
            Version
            <select value={to ?? ''} onChange={({ currentTarget }) => choose(currentTarget.value)}>
              {data.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
          <p>
            The next page asks whom it is for. Printers that run {version} from this rollout are moved back,
            as far as it names them; no other printer is.
          </p>
        </>
      )}
    </Confirm>
  );
}

/** Leads from a cancelled rollout to the second step. */
export function RollBackNext({ rollout }: { rollout: Rollout }) {
  const { status, completed_count: completed, firmware_version: version } = rollout;
  return status === 'cancelled' && completed > 0 ? (
    <div class="notice">
      <p>
        {counted(completed, 'printer has', 'printers have')} got {version} before it was cancelled. A rollout
        of an older version moves them back.
      </p>
      <OlderLink rollout={rollout} />
    </div>
  ) : null;
}

function OlderLink({ rollout }: { rollout: Rollout }) {
  const { firmware_version: version } = rollout;
  const { data } = useOlder(version);
  const [older = null] = data ?? [];
  return (
    <a href={newRolloutOf(rollout, older)}>{older === null ? 'New rollout' : `New rollout of ${older}`}</a>
  );
}

// More of them make a link that is too long.
const MOST_NAMED = 50;

/** The form of a new rollout, for the same printers as far as a link can say it. */
function newRolloutOf({ target }: Rollout, version: string | null): string {
  const { channels, printer_ids: named } = target;
  const channel = channels?.length === 1 ? channels[0] : null;
  const printers = named !== null && named.length <= MOST_NAMED ? named.join() : null;
  return address('/rollouts/new', { version, channel, printers });
}

/** The older versions that a rollout of one can go back to, the highest first. */
function useOlder(version: string): Loaded<string[]> {
  return useLoad(`older than ${version}`, async (stop) => olderThan(version, await api.firmware(stop)));
}

/** The versions behind one in a list that begins with the highest, those left out that are offered to nobody. */
function olderThan(version: string, firmware: readonly Firmware[]): string[] {
  const last = firmware.map((row) => row.version).lastIndexOf(version);
  const offered = firmware.slice(last + 1).filter((row) => row.deprecated_at === null);
  return [...new Set(offered.map((row) => row.version))];
}
