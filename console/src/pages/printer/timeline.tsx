import type { ComponentChildren } from 'preact';
import type { PastUpdate, Printer } from '../../api/types';
import { duration, exactTime, utcTime } from '../../ui/format';
import { Empty, Panel } from '../../ui/parts';
import { UpdateState } from '../../ui/rollout-parts';
import { When } from '../../ui/when';
import { UpdateAction } from './update-action';

/** What a printer was sent, the newest on top. */
export function Timeline({
  printer,
  updates,
  more,
  changed,
}: {
  printer: Printer;
  updates: readonly PastUpdate[];
  more: (() => void) | null;
  /** Called after an update was aborted or retried. */
  changed: () => void;
}) {
  // Whatever failed before it is history.
  const newest = updates.find(({ id }) => id !== null);
  return (
    <Panel title="History">
      {updates.length === 0 ? (
        <Empty title="No updates yet.">
          <p>Every update that a rollout sends to this printer is listed here with its result.</p>
        </Empty>
      ) : (
        <ol class="timeline">
          {updates.map((update) => (
            <Entry key={update.id ?? 'pending'} update={update}>
              {update === newest && (
                <UpdateAction key={update.status} printer={printer} update={update} changed={changed} />
              )}
            </Entry>
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

function Entry({ update, children }: { update: PastUpdate; children: ComponentChildren }) {
  const { started_at: started, completed_at: completed, status, error_message: error } = update;
  return (
    <li class={status}>
      <div class="line">
        <b>{update.firmware_version}</b>
        <UpdateState status={status} />
        {started !== null && <When at={started} />}
        <span class="hint">
          {update.rollout_id === null ? (
            'rollout deleted'
          ) : (
            <a href={`/rollouts/${update.rollout_id}`}>rollout {update.rollout_id}</a>
          )}
        </span>
        {children}
      </div>
      {status === 'pending' && <p class="hint">Due, but not sent yet.</p>}
      {started !== null && (
        <p class="hint">
          <span title={utcTime(started)}>{exactTime(started)}</span>
          {completed !== null && status !== 'declined' && `, took ${duration(started, completed)}`}
          {status === 'failed' && reached(update)}
        </p>
      )}
      {error !== null && <p class={status === 'failed' ? 'said bad' : 'said'}>{error}</p>}
    </li>
  );
}

function reached({ last_percent: percent }: PastUpdate): string {
  return percent === null || percent < 0 ? '' : `, reached ${percent} %`;
}
