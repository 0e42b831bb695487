import { useEffect, useRef, useState } from 'preact/hooks';
import { useRoute } from 'preact-iso';
import { api } from '../api/api';
import { live } from '../api/live';
import { ApiError } from '../api/request';
import { Empty, Failure, Loading, PageHead } from '../ui/parts';
import { PrinterState } from '../ui/printer-state';
import { useChangedFirmware, useChangedPrinters, useLoad } from '../ui/use-load';
import { versionOf } from '../ui/version';
import { Actions, ConfirmAct } from './printer/actions';
import type { Act } from './printer/actions';
import { Facts, Problems, UnderWay } from './printer/facts';
import { Timeline } from './printer/timeline';
import { RollOutHere, Why } from './printer/why';

const HISTORY = 50;
const LONGEST_HISTORY = 1_000;

/** One printer, by its number or its UUID. */
export function PrinterPage() {
  const id = useRoute().params.id ?? '';
  return <OnePrinter key={id} id={id} />;
}

function OnePrinter({ id }: { id: string }) {
  const [limit, setLimit] = useState(HISTORY);
  const [asked, setAsked] = useState<Act | null>(null);
  const loaded = useLoad(`printer ${id}`, (stop) => api.printer(id, stop));
  const decided = useLoad(`decision ${id}`, (stop) => api.decision(id, stop));
  // More of it is loaded behind what is shown, and with another key that would be forgotten.
  const past = useLoad(`updates ${id}`, (stop) => api.printerUpdates(id, limit, stop));
  const { data: printer } = loaded;
  const reload = (): void => {
    loaded.reload();
    decided.reload();
    past.reload();
  };
  useChangedPrinters((changed) => changed === 'all' || (printer !== null && changed.has(printer.id)), reload);
  useChangedFirmware(decided.reload);
  useAfterChange(rulesKey(), () => {
    decided.reload();
    past.reload();
  });
  useAfterChange(limit, past.reload);

  if (printer === null) {
    if (loaded.error instanceof ApiError && loaded.error.status === 404) return <Unknown id={id} />;
    return (
      <>
        <PageHead title="Printer" />
        {loaded.error == null ? <Loading /> : <Failure error={loaded.error} retry={reload} />}
      </>
    );
  }
  const updates = past.data ?? [];
  const underWay = updates.find(({ status }) => status === 'in_progress');
  return (
    <>
      <PageHead
        title={printer.name}
        lead={
          <>
            <PrinterState printer={printer} />, runs {versionOf(printer)}
          </>
        }
      >
        <RollOutHere printer={printer} />
      </PageHead>
      <Failure error={loaded.error ?? decided.error ?? past.error} retry={reload} />
      <Problems printer={printer} />
      {underWay && <UnderWay update={underWay} />}
      <div class="columns">
        <div>
          {decided.data === null ? (
            decided.error == null && <Loading />
          ) : (
            <Why
              printer={printer}
              decision={decided.data}
              updates={updates}
              letIn={() => setAsked('let-in')}
              retried={reload}
            />
          )}
          {past.data !== null && (
            <Timeline
              printer={printer}
              changed={reload}
              updates={updates}
              more={
                updates.length >= limit && limit < LONGEST_HISTORY
                  ? () => setLimit(Math.min(limit * 4, LONGEST_HISTORY))
                  : null
              }
            />
          )}
        </div>
        <div>
          <Facts printer={printer} bucket={decided.data?.bucket ?? null} />
          <Actions printer={printer} ask={setAsked} />
        </div>
      </div>
      {asked !== null && (
        <ConfirmAct act={asked} printer={printer} changed={reload} close={() => setAsked(null)} />
      )}
    </>
  );
}

/** What of the rollouts decides on printers; their counters do not. */
function rulesKey(): string {
  const rollouts = [...live.rollouts.value.values()];
  return rollouts.map((one) => `${one.id} ${one.status} ${one.rollout_percentage}`).join();
}

/** Acts when a value has changed, not when it is first there. */
function useAfterChange(value: unknown, act: () => void): void {
  const before = useRef(value);
  useEffect(() => {
    if (before.current === value) return;
    before.current = value;
    act();
  }, [value]);
}

function Unknown({ id }: { id: string }) {
  return (
    <>
      <PageHead title="Printer" />
      <Empty title={`Printer ${id} does not exist.`}>
        <p>
          It may have been deleted. A printer that is still in use registers itself again when it connects.
        </p>
        <p>
          <a href="/printers">Go to the printers</a>
        </p>
      </Empty>
    </>
  );
}
