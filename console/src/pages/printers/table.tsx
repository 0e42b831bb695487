import type { ComponentChildren } from 'preact';
import type { Printer } from '../../api/types';
import { choose, chosen } from '../../ui/chosen-printers';
import { count } from '../../ui/format';
import { PrinterState } from '../../ui/printer-state';
import { When } from '../../ui/when';
import { versionOf } from '../../ui/version';
import { listUrl, orderOf } from './query';
import type { ListQuery, Sort } from './query';

/** One page of printers. */
export function PrinterTable({
  printers,
  query,
  busy,
}: {
  printers: readonly Printer[];
  query: ListQuery;
  /** True while another page is on its way, and this one stands in for it. */
  busy: boolean;
}) {
  return (
    <table class="cards printers" aria-busy={busy}>
      <thead>
        <tr>
          <th scope="col">
            <span class="visually-hidden">Selected</span>
          </th>
          <Sorted by="name" query={query}>
            Printer
          </Sorted>
          <Sorted by="id" query={query}>
            Number
          </Sorted>
          <th scope="col">Status</th>
          <Sorted by="firmware_version" query={query}>
            Version
          </Sorted>
          <th scope="col">Channel</th>
          <th scope="col">Board</th>
          <th scope="col">Auto-update</th>
          <th scope="col">Owner</th>
          <th scope="col">Last connected</th>
        </tr>
      </thead>
      <tbody>
        {printers.map((printer) => (
          <Row key={printer.id} printer={printer} query={query} />
        ))}
      </tbody>
    </table>
  );
}

function Sorted({ by, query, children }: { by: Sort; query: ListQuery; children: ComponentChildren }) {
  const { sort, descending } = orderOf(query);
  const isSorted = sort === by;
  const next = isSorted && !descending ? 'desc' : 'asc';
  return (
    <th scope="col" aria-sort={isSorted ? (descending ? 'descending' : 'ascending') : undefined}>
      <a href={listUrl(query, { sort: by, order: next })}>
        {children}
        <span aria-hidden="true">{isSorted ? (descending ? ' ↓' : ' ↑') : ''}</span>
      </a>
    </th>
  );
}

function Row({ printer, query }: { printer: Printer; query: ListQuery }) {
  const isChosen = chosen.value.has(printer.uuid);
  return (
    <tr class={isChosen ? 'chosen' : undefined}>
      <td class="choose">
        <input
          type="checkbox"
          aria-label={`Select ${printer.name}`}
          checked={isChosen}
          onChange={(event) => choose([printer.uuid], event.currentTarget.checked)}
        />
      </td>
      <td class="name">
        <a href={`/printers/${printer.id}`}>{printer.name}</a>
      </td>
      <td data-label="Number">{printer.id}</td>
      <td data-label="Status">
        <PrinterState printer={printer} />
      </td>
      <td data-label="Version">{versionOf(printer)}</td>
      <td data-label="Channel">{printer.update_channel}</td>
      <td data-label="Board">{printer.platform ?? '–'}</td>
      <td data-label="Updates">{printer.auto_update ? 'on' : 'off'}</td>
      <td data-label="Owner">
        <a
          class="mono"
          href={listUrl(query, { user_id: printer.user_id })}
          title={`Only printers of ${printer.user_id}`}
        >
          {printer.user_id.slice(0, 8)}
        </a>
      </td>
      <td data-label="Connected" class="seen">
        <When at={printer.last_connected} />
      </td>
    </tr>
  );
}

/** The way from page to page, and where one is. */
export function Pager({
  label,
  page,
  size,
  shown,
  total,
  back,
  next,
  go,
}: {
  label: string;
  page: number;
  size: number;
  shown: number;
  total: number;
  /** Where the page before is; null at the first one. */
  back: { href: string; label: string } | null;
  next: string | null;
  /** Called when one goes on. */
  go?: () => void;
}) {
  const first = (page - 1) * size + 1;
  return (
    <nav class="pager" aria-label={label}>
      <span>
        {shown === 0 ? 'None here' : `${count(first)} to ${count(first + shown - 1)}`} of {count(total)}
      </span>
      <Step href={back?.href ?? null} go={go}>
        {back?.label ?? 'Back'}
      </Step>
      <Step href={next} go={go}>
        Next
      </Step>
    </nav>
  );
}

function Step({
  href,
  go,
  children,
}: {
  href: string | null;
  go: (() => void) | undefined;
  children: ComponentChildren;
}) {
  return href === null ? (
    <a class="button quiet small" role="link" aria-disabled="true">
      {children}
    </a>
  ) : (
    <a class="button quiet small" href={href} onClick={go}>
      {children}
    </a>
  );
}
