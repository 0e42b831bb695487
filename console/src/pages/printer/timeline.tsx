import type { PastUpdate } from '../../api/types';
import { duration, exactTime, utcTime } from '../../ui/format';
import { Empty, Panel } from '../../ui/parts';
import { UpdateState } from '../../ui/rollout-parts';
import { When } from '../../ui/when';

/** What a printer was sent, the newest on top. */
export function Timeline({ updates, more }: { updates: readonly PastUpdate[]; more: (() => void) | null }) {
  return (
    <Panel title="History">
      {updates.length === 0 ? (
        <Empty title="It has been sent nothing yet.">
          <p>Each update that a rollout sends to it will stand here, with what became of it.</p>
        </Empty>
      ) : (
        <ol class="timeline">
          {updates.map((update) => (
            <Entry key={update.id ?? 'pending'} update={update} />
          ))}
        </ol>
      )}
      {more !== null && (
        <button type="button" class="quiet" onClick={more}>
          Show more
        </button>
      )}
    </Panel>
  );
}

function Entry({ update }: { update: PastUpdate }) {
  const { started_at: started, completed_at: completed, status, error_message: error } = update;
  return (
    <li class={status}>
      <div class="line">
        <b>{update.firmware_version}</b>
        <UpdateState status={status} />
        {started !== null && <When at={started} />}
        <span class="hint">
          {update.rollout_id === null ? (
            'its rollout is deleted'
          ) : (
            <a href={`/rollouts/${update.rollout_id}`}>rollout {update.rollout_id}</a>
          )}
        </span>
      </div>
      {status === 'pending' && <p class="hint">It is due, and has not been sent yet.</p>}
      {started !== null && (
        <p class="hint">
          <span title={utcTime(started)}>{exactTime(started)}</span>
          {completed !== null && `, took ${duration(started, completed)}`}
          {status === 'failed' && reached(update)}
        </p>
      )}
      {error !== null && <p class={status === 'failed' ? 'said bad' : 'said'}>{error}</p>}
    </li>
  );
}

function reached({ last_percent: percent }: PastUpdate): string {
  return percent === null || percent < 0 ? '' : `, had got to ${percent} %`;
}
