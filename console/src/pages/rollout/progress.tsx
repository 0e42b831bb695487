import { api } from '../../api/api';
import type { Rollout, Timeline } from '../../api/types';
import { counted } from '../../ui/format';
import { Empty, Failure, Loading, Panel } from '../../ui/parts';
import { Plot } from '../../ui/plot';
import { TARGET_STATES, partsOf } from '../../ui/rollout-parts';
import { Legend, StackedBar } from '../../ui/stacked-bar';
import { useLoad, useReloadOn } from '../../ui/use-load';
import { countersOf } from './use-rollout';

/** How far a rollout has come: now, and since its begin. */
export function Progress({ rollout }: { rollout: Rollout }) {
  const parts = partsOf(rollout);
  return (
    <Panel
      title="Progress"
      aside={<span class="hint">{counted(rollout.total_targets, 'printer matches', 'printers match')}</span>}
    >
      {rollout.total_targets === 0 ? (
        <Empty title="No printer matches.">
          <p>
            A rollout is a rule: a printer that registers or changes later, and matches then, is sent it, too.
          </p>
        </Empty>
      ) : (
        <>
          <StackedBar parts={parts} label={`Rollout ${rollout.id}`} />
          <Legend parts={parts} shares />
          <OverTime rollout={rollout} />
        </>
      )}
    </Panel>
  );
}

const COLOURS = {
  completed: 'good',
  in_progress: 'busy',
  failed: 'bad',
  declined: 'warn',
  pending: 'idle',
} as const;

function OverTime({ rollout }: { rollout: Rollout }) {
  const { data, error, reload } = useLoad(`timeline ${rollout.id}`, (stop) => api.timeline(rollout.id, stop));
  useReloadOn(countersOf(rollout), reload);
  return (
    <div class="over-time">
      <h3>Over time</h3>
      <Failure error={error} retry={reload} />
      {data === null ? error == null && <Loading /> : <Curve points={data.points} />}
    </div>
  );
}

function Curve({ points }: { points: Timeline['points'] }) {
  return (
    <Plot
      label="Printers by state over time"
      times={points.map(({ at }) => at)}
      series={TARGET_STATES.map(([state, label]) => ({
        label,
        color: COLOURS[state],
        values: points.map((point) => point[state]),
      }))}
    />
  );
}
