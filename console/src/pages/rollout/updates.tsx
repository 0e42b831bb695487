import { useLocation } from 'preact-iso';
import { useState } from 'preact/hooks';
import { api } from '../../api/api';
import type { Rollout, TargetState } from '../../api/types';
import { address } from '../../ui/address';
import { count } from '../../ui/format';
import { Empty, Failure, Loading, Panel } from '../../ui/parts';
import { TARGET_STATES } from '../../ui/rollout-parts';
import { useChangedPrinters, useLoad, useReloadOn } from '../../ui/use-load';
import { UpdateTable } from './update-table';
import { countersOf } from './use-rollout';

const PAGE = 25;
const TABS = ['in_progress', 'completed', 'failed', 'declined', 'pending'] as const;
const NAMES: ReadonlyMap<string, string> = new Map(TARGET_STATES);

/** What has become of each printer, by the state of its update; state and page stand in the URL. */
export function Updates({ rollout }: { rollout: Rollout }) {
  const { query } = useLocation();
  const [first] = useState(() => firstTab(rollout));
  const status = TABS.find((tab) => tab === query.status) ?? first;
  return (
    <Panel title="Printers" id="updates">
      <nav class="tabs" aria-label="Printers by the state of their update">
        <ul>
          {TABS.map((tab) => (
            <li key={tab}>
              <a
                href={address(`/rollouts/${rollout.id}`, { status: tab })}
                aria-current={tab === status ? 'page' : undefined}
              >
                {NAMES.get(tab)} <b>{count(rollout[`${tab}_count`])}</b>
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <UpdatePage rollout={rollout} status={status} cursor={cursorOf(query.cursor)} />
      <p class="hint">
        Each printer counts once, by its latest update. A retry starts a new update; the earlier ones are in
        the history of the printer.
      </p>
    </Panel>
  );
}

/** What is most worth a look when the page opens. */
function firstTab(rollout: Rollout): TargetState {
  if (rollout.in_progress_count > 0) return 'in_progress';
  return rollout.failed_count > 0 ? 'failed' : rollout.completed_count > 0 ? 'completed' : 'pending';
}

function cursorOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function UpdatePage({
  rollout,
  status,
  cursor,
}: {
  rollout: Rollout;
  status: TargetState;
  cursor: number | undefined;
}) {
  const { id } = rollout;
  const { data, error, reload } = useLoad(`updates ${id} ${status} ${cursor ?? 0}`, (stop) =>
    api.rolloutUpdates(id, { status, limit: PAGE, cursor }, stop),
  );
  useReloadOn(countersOf(rollout), reload);
  useChangedPrinters(
    (changed) => changed === 'all' || data?.updates.some(({ printer }) => changed.has(printer.id)) === true,
    reload,
  );
  if (data === null) return error == null ? <Loading /> : <Failure error={error} retry={reload} />;
  const { updates, total, next_cursor: next } = data;
  return (
    <>
      <Failure error={error} retry={reload} />
      {updates.length > 0 ? (
        <UpdateTable updates={updates} status={status} />
      ) : next === null ? (
        <Empty title={cursor === undefined ? NONE[status] : 'There are no more.'} />
      ) : (
        <p class="hint">None on this page. There may be more on the next one.</p>
      )}
      {(next !== null || cursor !== undefined) && (
        <nav class="actions pages" aria-label="Pages of the list">
          {cursor !== undefined && (
            <a class="button quiet small" href={address(`/rollouts/${id}`, { status })}>
              First page
            </a>
          )}
          {next !== null && (
            <a class="button quiet small" href={address(`/rollouts/${id}`, { status, cursor: next })}>
              Next page
            </a>
          )}
          <span class="hint">
            {count(updates.length)} of {count(total)}
          </span>
        </nav>
      )}
    </>
  );
}

const NONE: Record<TargetState, string> = {
  in_progress: 'No update is in progress.',
  completed: 'No update has been completed yet.',
  failed: 'No update has failed.',
  declined: 'No update has been declined.',
  pending: 'No printer is pending.',
};
