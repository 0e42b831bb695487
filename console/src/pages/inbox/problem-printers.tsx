import { useState } from 'preact/hooks';
import { api } from '../../api/api';
import { live } from '../../api/live';
import type { Printer } from '../../api/types';
import { counted } from '../../ui/format';
import { Empty, Failure, Loading, Panel } from '../../ui/parts';
import { PrinterState } from '../../ui/printer-state';
import { ScopedButton } from '../../ui/scoped';
import { useChangedPrinters, useLoad, useReloadOn } from '../../ui/use-load';
import { ConfirmAct } from '../printer/actions';
import { ProblemList } from '../../ui/problem-list';

const SHOWN = 50;

/** Printers that send something that cannot be used, what that is, and since when. */
export function ProblemPrinters() {
  const { data, error, reload } = useLoad('problems', (stop) =>
    api.printers({ problems: true, limit: SHOWN }, stop),
  );
  const [blocking, setBlocking] = useState<Printer | null>(null);
  useReloadOn(String(live.summary.value?.printers.problems ?? ''), reload);
  useChangedPrinters(
    (changed) => changed === 'all' || data?.printers.some(({ id }) => changed.has(id)) === true,
    reload,
  );
  return (
    <Panel title="Printers with problems">
      <Failure error={error} retry={reload} />
      {data === null ? (
        error == null && <Loading />
      ) : data.total === 0 ? (
        <Empty title="No printer has a problem.">
          <p>Printers that send unusable values are listed here. They still get updates.</p>
        </Empty>
      ) : (
        <>
          <ul class="inbox-list">
            {data.printers.map((printer) => (
              <li key={printer.id}>
                <div class="line">
                  <a href={`/printers/${printer.id}`}>{printer.name}</a>
                  <PrinterState printer={printer} />
                  <ScopedButton
                    scope="admin"
                    class="small danger quiet"
                    disabled={printer.blocked}
                    onClick={() => setBlocking(printer)}
                  >
                    Block<span class="visually-hidden"> {printer.name}</span>
                  </ScopedButton>
                </div>
                <ProblemList problems={printer.problems} />
              </li>
            ))}
          </ul>
          {data.total > data.printers.length && (
            <a href="/printers?problems=true">All {counted(data.total, 'printer')} with problems</a>
          )}
        </>
      )}
      {blocking !== null && (
        <ConfirmAct act="block" printer={blocking} changed={reload} close={() => setBlocking(null)} />
      )}
    </Panel>
  );
}
