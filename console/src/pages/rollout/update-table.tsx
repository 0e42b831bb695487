import type { ComponentChildren } from 'preact';
import type { RolloutUpdates, TargetState } from '../../api/types';
import { count, duration } from '../../ui/format';
import { PrinterState } from '../../ui/printer-state';
import { When } from '../../ui/when';

type Update = RolloutUpdates['updates'][number];

interface Column {
  name: string;
  cell: (update: Update) => ComponentChildren;
}

const PRINTER: Column = {
  name: 'Printer',
  cell: ({ printer }) => <a href={`/printers/${printer.id}`}>{printer.name}</a>,
};
const ONLINE: Column = {
  name: 'Connection',
  cell: ({ printer }) => <PrinterState printer={{ ...printer, blocked: false }} />,
};
const PROGRESS: Column = { name: 'Progress', cell: (update) => <Bar update={update} /> };
const SENT: Column = { name: 'Sent', cell: (update) => time(update.started_at) };
const ENDED: Column = { name: 'Ended', cell: (update) => time(update.completed_at) };
const TOOK: Column = {
  name: 'Took',
  cell: ({ started_at: from, completed_at: to }) => (from === null || to === null ? '–' : duration(from, to)),
};
const REASON: Column = { name: 'Reason', cell: (update) => update.error_message ?? '–' };
const ATTEMPTS: Column = { name: 'Sent (times)', cell: (update) => count(update.attempts) };
const WHY: Column = {
  name: 'Why',
  cell: ({ printer }) => (printer.online ? <a href={`/printers/${printer.id}`}>See why</a> : 'Offline'),
};

const COLUMNS: Record<TargetState, readonly Column[]> = {
  in_progress: [PRINTER, ONLINE, PROGRESS, SENT, ATTEMPTS],
  completed: [PRINTER, ONLINE, TOOK, ENDED, ATTEMPTS],
  failed: [PRINTER, ONLINE, REASON, ENDED, ATTEMPTS],
  declined: [PRINTER, ONLINE, REASON, ENDED],
  pending: [PRINTER, ONLINE, WHY],
};

/** Updates that are in the same state, with what matters in it. */
export function UpdateTable({ updates, status }: { updates: readonly Update[]; status: TargetState }) {
  const columns = COLUMNS[status];
  return (
    <table class="cards updates">
      <thead>
        <tr>
          {columns.map(({ name }) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {updates.map((update) => (
          <tr key={update.printer.id}>
            {columns.map(({ name, cell }) => (
              <td key={name} data-label={name}>
                <div>{cell(update)}</div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Bar({ update }: { update: Update }) {
  const { last_percent: percent, last_status_message: message, printer } = update;
  const known = percent !== null && percent >= 0;
  return (
    <>
      <div class="bar">
        <progress
          max="100"
          {...(known ? { value: percent } : {})}
          aria-label={`Progress of ${printer.name}`}
        />
        <span>{known ? `${percent} %` : 'sent'}</span>
      </div>
      {message !== null && <span class="hint">{message}</span>}
    </>
  );
}

function time(at: string | null): ComponentChildren {
  return at === null ? '–' : <When at={at} />;
}
