import { useState } from 'preact/hooks';
import { api } from '../../api/api';
import { live } from '../../api/live';
import type { Registration, RegistrationList, RegistrationStatus } from '../../api/types';
import { Confirm } from '../../ui/dialog';
import { count, counted } from '../../ui/format';
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
  pending: 'No printers are waiting for approval.',
  accepted: 'Every accepted printer has connected.',
  rejected: 'No printers have been rejected.',
};

/** Printers that ask to be registered: they wait, were accepted and have not come back yet, or were rejected. */
export function WaitingPrinters() {
  const [status, setStatus] = useState<RegistrationStatus>('pending');
  const [cursor, setCursor] = useState<number | undefined>(undefined);
  const [failure, setFailure] = useState<unknown>(null);
  const [isAccepting, setAccepting] = useState(false);
  const { data, error, reload } = useLoad(`registrations ${status} ${cursor ?? ''}`, (stop) =>
    api.registrations({ status, limit: PAGE, cursor }, stop),
  );
  const totals = useLoad('registrations by status', totalsOf);
  const reloadAll = (): void => {
    reload();
    totals.reload();
  };
  useReloadOn(String(live.summary.value?.waiting ?? ''), reloadAll);
  const page = data?.registrations ?? [];
  const act = async (run: () => Promise<unknown>): Promise<void> => {
    setFailure(null);
    try {
      await run();
    } catch (problem) {
      setFailure(problem);
    }
    reloadAll();
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
                  setCursor(undefined);
                }}
              >
                {label} <b>{totals.data === null ? '' : count(totals.data[name])}</b>
              </button>
            </li>
          ))}
        </ul>
      </nav>
      <Failure error={failure ?? error} retry={reload} />
      {data === null ? (
        error == null && <Loading />
      ) : page.length === 0 ? (
        <Empty title={cursor === undefined ? NONE[status] : 'There are no more.'}>
          {status === 'pending' && cursor === undefined && (
            <p>
              New printers wait here for approval if the server runs with <code>REGISTRATION=approve</code>.
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
      {data !== null && <Pages data={data} cursor={cursor} go={setCursor} />}
      {isAccepting && (
        <Confirm
          title={`Accept ${counted(page.length, 'printer')}?`}
          action="Accept all"
          run={async () => {
            for (const one of page) await api.decideRegistration(one.printer_id, 'accepted');
            reloadAll();
          }}
          close={() => setAccepting(false)}
        >
          <p>
            Each one is registered when it connects again. From then on, matching rollouts send it updates.
          </p>
        </Confirm>
      )}
    </Panel>
  );
}

/** Leads through the pages of the list; nothing if there is one only. */
function Pages({
  data: { registrations, total, next_cursor: next },
  cursor,
  go,
}: {
  data: RegistrationList;
  cursor: number | undefined;
  go: (cursor: number | undefined) => void;
}) {
  if (next === null && cursor === undefined) return null;
  return (
    <nav class="actions pages" aria-label="Pages of new printers">
      {cursor !== undefined && (
        <button type="button" class="quiet small" onClick={() => go(undefined)}>
          First page
        </button>
      )}
      {next !== null && (
        <button type="button" class="quiet small" onClick={() => go(next)}>
          Next page
        </button>
      )}
      <span class="hint">
        {count(registrations.length)} of {count(total)}
      </span>
    </nav>
  );
}

/** How many there are of each status, without loading them. */
async function totalsOf(stop: AbortSignal): Promise<Record<RegistrationStatus, number>> {
  const totalOf = async (status: RegistrationStatus): Promise<number> =>
    (await api.registrations({ status, limit: 1 }, stop)).total;
  const [pending, accepted, rejected] = await Promise.all([
    totalOf('pending'),
    totalOf('accepted'),
    totalOf('rejected'),
  ]);
  return { pending, accepted, rejected };
}
