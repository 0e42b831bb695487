import { api } from '../../api/api';
import type { Rollout, Timeline } from '../../api/types';
import { DueText, duePartsOf, notDueCount } from '../../ui/due';
import { counted, shortTime } from '../../ui/format';
import { Empty, Failure, Loading, Panel } from '../../ui/parts';
import { Plot } from '../../ui/plot';
import { TARGET_STATES } from '../../ui/rollout-parts';
import { Legend, StackedBar } from '../../ui/stacked-bar';
import { useLoad, useReloadOn } from '../../ui/use-load';
import { countersOf } from './use-rollout';

/** How far a rollout has come, measured against what is due: now, and since it began. */
export function Progress({ rollout }: { rollout: Rollout }) {
  const parts = duePartsOf(rollout);
  return (
    <Panel
      title="Progress"
      aside={<span class="hint">{counted(rollout.total_targets, 'printer matches', 'printers match')}</span>}
    >
      {rollout.total_targets === 0 ? (
        <Empty title="No printer matches.">
          <p>
            A rollout is a rule: a printer that matches later, because it registers or changes, gets it then.
          </p>
        </Empty>
      ) : (
        <>
          <p class="headline">
            <DueText rollout={rollout} />
          </p>
          <StackedBar parts={parts} label={`Rollout ${rollout.id}`} />
          <Legend parts={parts} withShares />
          <NotDue rollout={rollout} />
          <OverTime rollout={rollout} />
        </>
      )}
    </Panel>
  );
}

/** Pending targets that are not due, and why. Together with the due ones that were not sent yet, they are the pending ones of the list below. */
function NotDue({ rollout }: { rollout: Rollout }) {
  const { status, scheduled_for: at, rollout_percentage: percentage } = rollout;
  const later = notDueCount(rollout);
  if (later === 0) return null;
  const who = counted(later, 'more printer', 'more printers');
  const are = later === 1 ? 'is' : 'are';
  if (status === 'cancelled')
    return (
      <p class="not-due">
        {who} {later === 1 ? 'was' : 'were'} not due when the rollout was cancelled.
      </p>
    );
  if (status === 'scheduled' && at !== null)
    return (
      <p class="not-due">
        {who} {are} not due before {shortTime(at)}.
      </p>
    );
  return (
    <p class="not-due">
      {who} {are} not due yet: the rollout is at {percentage} %.
    </p>
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
