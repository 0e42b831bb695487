import { useState } from 'preact/hooks';
import { api } from '../api/api';
import { live } from '../api/live';
import type { Rollout } from '../api/types';
import { DueLine, duePartsOf } from '../ui/due';
import { Empty, Failure, Loading, PageHead, Panel } from '../ui/parts';
import { RolloutState, rolloutTypeText, targetText } from '../ui/rollout-parts';
import { StackedBar } from '../ui/stacked-bar';
import { useLoad } from '../ui/use-load';
import { When } from '../ui/when';

const PAGE = 50;

/** Every rollout, the newest first. */
export function RolloutsPage() {
  const [limit, setLimit] = useState(PAGE);
  const { data, error, reload } = useLoad(`rollouts ${limit}`, (stop) => api.rollouts({ limit }, stop));
  const changed = live.rollouts.value;
  const known = new Set(data?.rollouts.map(({ id }) => id));
  const newest = data?.rollouts[0]?.id ?? 0;
  const created = [...changed.values()].filter(({ id }) => !known.has(id) && id > newest);
  const rollouts = [...created, ...(data?.rollouts ?? [])]
    .map((rollout) => changed.get(rollout.id) ?? rollout)
    .sort((a, b) => b.id - a.id);
  return (
    <>
      <PageHead title="Rollouts">
        <a class="button" href="/rollouts/new">
          New rollout
        </a>
      </PageHead>
      <Failure error={error} retry={reload} />
      {data === null ? (
        error == null && <Loading />
      ) : rollouts.length === 0 ? (
        <Empty title="Nothing has been rolled out yet.">
          <p>A rollout sends one firmware version to the printers you choose.</p>
          <a class="button" href="/rollouts/new">
            New rollout
          </a>
        </Empty>
      ) : (
        <Panel title="Newest first">
          <RolloutTable rollouts={rollouts} />
          {data.next_cursor !== null && (
            <button type="button" class="quiet" onClick={() => setLimit(limit + PAGE)}>
              Show more
            </button>
          )}
        </Panel>
      )}
    </>
  );
}

function RolloutTable({ rollouts }: { rollouts: readonly Rollout[] }) {
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Rollout</th>
          <th scope="col">Firmware</th>
          <th scope="col">Status</th>
          <th scope="col">For</th>
          <th scope="col" class="wide">
            Progress
          </th>
          <th scope="col">Created</th>
        </tr>
      </thead>
      <tbody>
        {rollouts.map((rollout) => (
          <tr key={rollout.id}>
            <td data-label="Rollout">
              <div>
                <a class="whole" href={`/rollouts/${rollout.id}`}>
                  Rollout {rollout.id}
                </a>
                {rollout.name !== null && <div>{rollout.name}</div>}
              </div>
            </td>
            <td data-label="Firmware" class="whole">
              {rollout.firmware_version}
            </td>
            <td data-label="Status">
              <RolloutState status={rollout.status} />
            </td>
            <td data-label="For">
              <div>
                {targetText(rollout)}
                <span class="hint">, {rolloutTypeText(rollout)}</span>
              </div>
            </td>
            <td data-label="Progress" class="wide">
              <div>
                <StackedBar parts={duePartsOf(rollout)} label={`Rollout ${rollout.id}`} slim />
                <DueLine rollout={rollout} />
              </div>
            </td>
            <td data-label="Created">
              <When at={rollout.created_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
