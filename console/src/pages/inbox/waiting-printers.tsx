import { useState } from 'preact/hooks';
import { api } from '../../api/api';
import { live } from '../../api/live';
import type { Registration, RegistrationStatus } from '../../api/types';
import { Confirm } from '../../ui/dialog';
import { counted } from '../../ui/format';
import { Empty, Failure, Loading, Panel } from '../../ui/parts';
import { ScopeNote, ScopedButton } from '../../ui/scoped';
import { useLoad, useReloadOn } from '../../ui/use-load';
import { RegistrationTable } from './registration-table';

const PAGE = 25;

const TABS = [
  ['pending', 'Waiting'],
  ['accepted', 'Accepted'],
  ['rejected', 'Rejected'],
] as const satisfies ReadonlyArray<readonly [RegistrationStatus, string]>;

const NONE: Record<RegistrationStatus, string> = {
  pending: 'No printer waits to be accepted.',
  accepted: 'No accepted printer still has to connect.',
  rejected: 'No printer is rejected.',
};

/** Printers that ask to be registered: they wait, were accepted and have not come back yet, or were rejected. */
export function WaitingPrinters() {
  const [status, setStatus] = useState<RegistrationStatus>('pending');
  const [shown, setShown] = useState(PAGE);
  const [failure, setFailure] = useState<unknown>(null);
  const [isAccepting, setAccepting] = useState(false);
  const { data, error, reload } = useLoad('registrations', (stop) => api.registrations(stop));
  useReloadOn(String(live.summary.value?.waiting ?? ''), reload);
  const all = data?.registrations.filter((one) => one.status === status) ?? [];
  const page = all.slice(0, shown);
  const act = async (run: () => Promise<unknown>): Promise<void> => {
    setFailure(null);
    try {
      await run();
    } catch (problem) {
      setFailure(problem);
    }
    reload();
  };
  const decide = (one: Registration, to: RegistrationStatus): Promise<void> =>
    act(() => api.decideRegistration(one.printer_id, to));
  return (
    <Panel
      title="New printers"
      aside={
        status === 'pending' &&
        page.length > 1 && (
          <ScopedButton scope="admin" class="small quiet" onClick={() => setAccepting(true)}>
            Accept these {page.length}
          </ScopedButton>
        )
      }
    >
      <nav class="tabs" aria-label="New printers by status">
        <ul>
          {TABS.map(([name, label]) => (
            <li key={name}>
              <button
                type="button"
                class="tab"
                aria-pressed={name === status}
                onClick={() => {
                  setStatus(name);
                  setShown(PAGE);
                }}
              >
                {label} <b>{data?.registrations.filter((one) => one.status === name).length ?? ''}</b>
              </button>
            </li>
          ))}
        </ul>
      </nav>
      <Failure error={failure ?? error} retry={reload} />
      {data === null ? (
        error == null && <Loading />
      ) : page.length === 0 ? (
        <Empty title={NONE[status]}>
          {status === 'pending' && (
            <p>
              Printers wait here if the server is started with <code>REGISTRATION=approve</code>.
            </p>
          )}
        </Empty>
      ) : (
        <>
          <ScopeNote scope="admin" />
          <RegistrationTable
            registrations={page}
            decide={(one, to) => void decide(one, to)}
            forget={(one) => void act(() => api.forgetRegistration(one.printer_id))}
          />
        </>
      )}
      {all.length > shown && (
        <button type="button" class="quiet" onClick={() => setShown(shown + PAGE)}>
          Show more
        </button>
      )}
      {isAccepting && (
        <Confirm
          title={`Accept ${counted(page.length, 'printer')}?`}
          action="Accept them"
          run={async () => {
            for (const one of page) await api.decideRegistration(one.printer_id, 'accepted');
            reload();
          }}
          close={() => setAccepting(false)}
        >
          <p>
            Each of them is registered when it connects again, and rollouts that match it then send it
            updates.
          </p>
        </Confirm>
      )}
    </Panel>
  );
}
