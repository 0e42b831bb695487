import { useState } from 'preact/hooks';
import { api } from '../api/api';
import { live } from '../api/live';
import type { SimulatedFleet } from '../api/types';
import { Confirm } from '../ui/dialog';
import { count, counted } from '../ui/format';
import { Empty, Failure, Loading, PageHead, Panel, State } from '../ui/parts';
import type { StateKind } from '../ui/parts';
import { ScopedButton } from '../ui/scoped';
import { useChangedPrinters, useLoad } from '../ui/use-load';
import { AddPrinters } from './try-it/form';

const LEAD =
  'Virtual printers behave like real ones: they connect, download, reboot and report over real sockets.';

/** Virtual printers, to see a rollout at work without a board at hand. */
export function TryItPage() {
  const hello = live.hello.value;
  return (
    <>
      <PageHead title="Try it" lead={LEAD} />
      {hello === null ? <Loading /> : hello.simulator ? <Simulator /> : <SwitchedOff />}
    </>
  );
}

function SwitchedOff() {
  return (
    <Empty title="The simulator is switched off.">
      <p>Switch it on to add virtual printers here. Leave it off on a server with real printers.</p>
      <pre>
        <code>SIMULATOR=true npm start</code>
      </pre>
      <p>
        Or run virtual printers outside the server: <code>npm run simulate</code>
      </p>
    </Empty>
  );
}

function Simulator() {
  const { data, error, reload } = useLoad('simulator', (stop) => api.simulator(stop));
  const [leaving, setLeaving] = useState(false);
  useChangedPrinters(() => true, reload);
  if (data === null) return error == null ? <Loading /> : <Failure error={error} retry={reload} />;
  const { printers, limit } = data;
  return (
    <>
      <Failure error={error} retry={reload} />
      <AddPrinters room={Math.max(0, limit - printers.length)} added={reload} />
      <Panel
        title={printers.length === 0 ? 'Virtual printers' : `${printers.length} of ${limit} virtual printers`}
        aside={
          printers.length > 0 && (
            <ScopedButton scope="admin" class="small danger quiet" onClick={() => setLeaving(true)}>
              Remove all
            </ScopedButton>
          )
        }
      >
        {printers.length === 0 ? (
          <Empty title="There are no virtual printers yet.">
            <p>
              Add some, then <a href="/rollouts/new">roll a version out</a> that is newer than what they run,
              and watch them update. Give some of them a fault to see what a rollout makes of it.
            </p>
          </Empty>
        ) : (
          <Printers fleet={data} />
        )}
      </Panel>
      {leaving && (
        <Confirm
          title="Remove all virtual printers?"
          action="Remove all"
          run={async () => {
            await api.stopSimulator();
            reload();
          }}
          close={() => setLeaving(false)}
        >
          <p>
            {counted(printers.length, 'virtual printer')}{' '}
            {printers.length === 1 ? 'disconnects' : 'disconnect'}, even in the middle of an update. They
            remain in the list of printers, as offline; delete each on its own page.
          </p>
        </Confirm>
      )}
    </>
  );
}

function Printers({ fleet }: { fleet: SimulatedFleet }) {
  return (
    <>
      <States fleet={fleet} />
      <table class="cards simulated">
        <thead>
          <tr>
            <th scope="col">Printer</th>
            <th scope="col">State</th>
            <th scope="col">Version</th>
            <th scope="col">Progress</th>
          </tr>
        </thead>
        <tbody>
          {fleet.printers.map(({ uuid, name, state, firmware_version: version, percent }) => (
            <tr key={uuid}>
              <td>
                <a href={`/printers/${uuid}`}>{name}</a>
              </td>
              <td data-label="State">
                <State kind={KINDS[state]}>{state}</State>
              </td>
              <td data-label="Version">{version}</td>
              <td data-label="Progress">
                {percent === null ? (
                  '–'
                ) : (
                  <span class="bar">
                    <progress max={100} value={Math.max(0, percent)} aria-label={`Update of ${name}`} />
                    {percent} %
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** How many are in each state. */
function States({ fleet: { printers } }: { fleet: SimulatedFleet }) {
  return (
    <ul class="legend">
      {STATES.map(([state, kind]) => (
        <li key={state}>
          <State kind={kind}>{state}</State>{' '}
          <b>{count(printers.filter((one) => one.state === state).length)}</b>
        </li>
      ))}
    </ul>
  );
}

const KINDS: Record<SimulatedFleet['printers'][number]['state'], StateKind> = {
  online: 'good',
  updating: 'busy',
  offline: 'idle',
};
const STATES = Object.entries(KINDS);
