import { live } from '../../api/live';
import type { Rollout } from '../../api/types';
import { address } from '../../ui/address';
import { count, counted } from '../../ui/format';
import { Empty, Panel } from '../../ui/parts';
import { RolloutState, partsOf } from '../../ui/rollout-parts';
import { StackedBar } from '../../ui/stacked-bar';

const SHOWN = 8;

/** The rollouts that are not at their end, the newest first. */
export function ActiveRollouts() {
  const active = [...live.rollouts.value.values()]
    .filter(({ status }) => status === 'active' || status === 'paused' || status === 'scheduled')
    .sort((a, b) => b.id - a.id);
  const more = active.length - SHOWN;
  return (
    <Panel title="Rollouts" aside={<a href="/rollouts">All rollouts</a>}>
      {active.length === 0 ? (
        <Empty title="No rollout is active.">
          <a href="/rollouts/new">New rollout</a>
        </Empty>
      ) : (
        <ul class="rollout-list">
          {active.slice(0, SHOWN).map((rollout) => (
            <RolloutLine key={rollout.id} rollout={rollout} />
          ))}
          {more > 0 && (
            <li>
              <a href="/rollouts">{counted(more, 'more', 'more')}</a>
            </li>
          )}
        </ul>
      )}
    </Panel>
  );
}

function RolloutLine({ rollout }: { rollout: Rollout }) {
  const { id, firmware_version: version, status, failed_count: failed } = rollout;
  return (
    <li>
      <div class="line">
        <a href={`/rollouts/${id}`}>
          {version} <span class="hint">rollout {id}</span>
        </a>
        <RolloutState status={status} />
        <span class="hint">
          {count(rollout.completed_count)} of {counted(rollout.total_targets, 'printer')}
          {failed > 0 && (
            <>
              ,{' '}
              <a class="alarm" href={address(`/rollouts/${id}`, { status: 'failed' })}>
                <b>{count(failed)} failed</b>
              </a>
            </>
          )}
        </span>
      </div>
      <StackedBar parts={partsOf(rollout)} label={`Rollout ${id}`} slim />
    </li>
  );
}
