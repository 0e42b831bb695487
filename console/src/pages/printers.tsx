import { useEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { api } from '../api/api';
import type { ChangedPrinters } from '../api/live';
import { live } from '../api/live';
import type { PrinterPage } from '../api/types';
import { ConnectPrinter } from '../ui/connect-printer';
import { Empty, Failure, Loading, PageHead } from '../ui/parts';
import { useChangedPrinters, useLoad } from '../ui/use-load';
import { ChoiceBar } from './printers/choice-bar';
import { Filters, NONE } from './printers/filters';
import { apiQuery, isFiltered, listKey, listUrl, pageOf } from './printers/query';
import type { ListQuery } from './printers/query';
import { Pager, PrinterTable } from './printers/table';
import { beginOf, rememberPage } from './printers/trail';

const SIZE = 50;

/** Every printer, to be searched, narrowed down, sorted and chosen from. */
export function PrintersPage() {
  const { query: given, route } = useLocation();
  const query: ListQuery = given;
  // Read when it is needed: what was typed may come in after another filter has changed.
  const change = (changed: ListQuery, replace = false): void => {
    const now = Object.fromEntries(new URLSearchParams(location.search)) as ListQuery;
    route(listUrl(now, changed), replace);
  };
  const key = listUrl(query, { cursor: query.cursor ?? '' });
  const { data, error, reload } = useLoad(key, (stop) =>
    api.printers({ ...apiQuery(query), limit: SIZE }, stop),
  );
  useChangedPrinters((changed) => concerns(data, changed), reload);
  // The page before stands in for one that is on its way: nothing jumps.
  const last = useRef<PrinterPage | null>(null);
  if (data !== null) last.current = data;
  const shown = data ?? (error == null ? last.current : null);
  const nobody = shown !== null && shown.total === 0 && !isFiltered(query);
  return (
    <>
      <PageHead title="Printers" />
      {!nobody && <Filters query={query} change={change} />}
      <Failure error={error} retry={reload} />
      {error != null && data === null && query.cursor !== undefined && (
        <p>
          <a href={listUrl(query, {})}>Go to the first page</a>
        </p>
      )}
      {shown === null ? (
        error == null && <Loading />
      ) : nobody ? (
        <Nobody />
      ) : shown.total === 0 ? (
        <Empty title="No printer matches.">
          <button type="button" class="quiet" onClick={() => change(NONE)}>
            Clear the filters
          </button>
        </Empty>
      ) : (
        <List page={shown} query={query} busy={data === null} />
      )}
    </>
  );
}

/** Where a page has room left, a printer that is not on it may belong there by now. */
function concerns(page: PrinterPage | null, changed: ChangedPrinters): boolean {
  if (page === null || changed === 'all' || page.printers.length < SIZE) return true;
  return page.printers.some(({ id }) => changed.has(id));
}

function List({ page, query, busy }: { page: PrinterPage; query: ListQuery; busy: boolean }) {
  const top = useRef<HTMLElement>(null);
  const wantsTop = useRef(false);
  const list = listKey(query);
  const number = pageOf(query);
  const cursor = page.next_cursor === null || busy ? null : String(page.next_cursor);
  useEffect(() => {
    if (cursor !== null) rememberPage(list, number + 1, cursor);
  }, [list, number, cursor]);
  useEffect(() => {
    if (!wantsTop.current) return;
    wantsTop.current = false;
    top.current?.scrollIntoView({ block: 'start' });
    top.current?.focus({ preventScroll: true });
  }, [query.cursor]);
  const begin = beginOf(list, number - 1);
  const back =
    query.cursor === undefined
      ? null
      : begin === null
        ? { href: listUrl(query, {}), label: 'First page' }
        : {
            href: listUrl(query, { cursor: begin, page: number > 2 ? String(number - 1) : '' }),
            label: 'Back',
          };
  const pager = {
    page: number,
    size: SIZE,
    shown: page.printers.length,
    total: page.total,
    back,
    next: cursor === null ? null : listUrl(query, { cursor, page: String(number + 1) }),
  };
  return (
    <section class="panel printer-list" ref={top} tabIndex={-1} aria-label="Printers">
      <div class="list-top">
        <ChoiceBar printers={page.printers} />
        <Pager {...pager} label="Pages, above the list" />
      </div>
      <PrinterTable printers={page.printers} query={query} busy={busy} />
      <Pager {...pager} label="Pages, below the list" go={() => (wantsTop.current = true)} />
    </section>
  );
}

function Nobody() {
  return (
    <Empty title="No printer has connected yet.">
      <ConnectPrinter simulator={live.hello.value?.simulator === true} />
    </Empty>
  );
}
