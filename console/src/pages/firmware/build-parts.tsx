import type { Channel, Firmware } from '../../api/types';
import { State } from '../../ui/parts';
import type { Part } from '../../ui/stacked-bar';

/** Whether a channel has the version, and what it is there. */
export function Offer({ row, latest }: { row: Firmware | undefined; latest: string | undefined }) {
  if (row === undefined) {
    return (
      <span class="hint">
        <span aria-hidden="true">–</span>
        <span class="visually-hidden">not in this channel</span>
      </span>
    );
  }
  if (row.damaged) return <State kind="bad">damaged</State>;
  if (row.deprecated_at !== null) return <State kind="warn">deprecated</State>;
  return row.version === latest ? <State kind="good">latest</State> : <State kind="idle">offered</State>;
}

/** Leads to a new rollout of a version to a channel. */
export function RollOutLink({
  version,
  channel,
  label,
}: {
  version: string;
  channel: Channel;
  label: string;
}) {
  const query = new URLSearchParams({ version, channel });
  return (
    <a class="button small quiet" href={`/rollouts/new?${query.toString()}`}>
      {label}
      <span class="visually-hidden"> {version}</span>
    </a>
  );
}

/** What became of the updates to these rows, as the parts of a bar. */
export function updateParts(rows: readonly Firmware[]): Part[] {
  return [
    { kind: 'completed', label: 'Succeeded', value: rows.reduce((sum, row) => sum + row.success_count, 0) },
    { kind: 'failed', label: 'Failed', value: rows.reduce((sum, row) => sum + row.failure_count, 0) },
  ];
}
