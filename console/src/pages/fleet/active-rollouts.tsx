import { live } from '../../api/live';
import type { Rollout } from '../../api/types';
import { DueLine, duePartsOf } from '../../ui/due';
import { counted } from '../../ui/format';
import { Empty, Panel } from '../../ui/parts';
import { RolloutState } from '../../ui/rollout-parts';
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
  const { id, firmware_version: version, status } = rollout;
  return (
    <li>
      <div class="line">
        <a href={`/rollouts/${id}`}>
          {version} <span class="hint">rollout {id}</span>
        </a>
        <RolloutState status={status} />
        <DueLine rollout={rollout} />
      </div>
      <StackedBar parts={duePartsOf(rollout)} label={`Rollout ${id}`} slim />
    </li>
  );
}
