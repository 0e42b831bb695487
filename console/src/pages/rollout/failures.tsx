import { api } from '../../api/api';
import type { Failures as FailuresOf, Rollout } from '../../api/types';
import { count, counted, percent } from '../../ui/format';
import { Failure, Loading, Panel } from '../../ui/parts';
import { useLoad, useReloadOn } from '../../ui/use-load';
import { countersOf } from './use-rollout';

// What the guide calls the most that is healthy.
const HEALTHY_SHARE = 0.05;

/** Why updates have failed, the commonest reason first; nothing if none has. */
export function Failures({ rollout }: { rollout: Rollout }) {
  return rollout.failed_count === 0 ? null : <Reasons rollout={rollout} />;
}

function Reasons({ rollout }: { rollout: Rollout }) {
  const { failed_count: failed, completed_count: completed } = rollout;
  const { data, error, reload } = useLoad(`failures ${rollout.id}`, (stop) => api.failures(rollout.id, stop));
  useReloadOn(countersOf(rollout), reload);
  const ended = failed + completed;
  return (
    <Panel
      title="Why updates failed"
      aside={
        <span class={failed / ended > HEALTHY_SHARE ? 'alarm' : 'hint'}>
          {count(failed)} of {count(ended)} finished: {percent(failed, ended)}
        </span>
      }
    >
      <Failure error={error} retry={reload} />
      {data === null ? (
        error == null && <Loading />
      ) : (
        <ul class="failure-list">
          {data.failures.map((failure) => (
            <Reason key={failure.message} failure={failure} rollout={rollout} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Reason({ failure, rollout }: { failure: FailuresOf['failures'][number]; rollout: Rollout }) {
  const more = failure.count - failure.printers.length;
  return (
    <li>
      <b class="alarm">{count(failure.count)}</b>
      <div>
        <p class="message">{failure.message}</p>
        <p class="hint">
          {failure.printers.map(({ id, name }, index) => (
            <span key={id}>
              {index > 0 && ', '}
              <a href={`/printers/${id}`}>{name}</a>
            </span>
          ))}
          {more > 0 && (
            <>
              {failure.printers.length > 0 && ' and '}
              <a href={`/rollouts/${rollout.id}?status=failed`} onClick={toUpdates}>
                {counted(more, 'more', 'more')}
              </a>
            </>
          )}
        </p>
      </div>
    </li>
  );
}

function toUpdates(): void {
  document.getElementById('updates')?.scrollIntoView();
}
