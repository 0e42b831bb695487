import { api } from '../../api/api';
import { live } from '../../api/live';
import { ApiError } from '../../api/request';
import type { Rollback } from '../../api/types';
import { address } from '../address';
import { creatorText } from '../creator';
import { count, counted } from '../format';
import { Failure, Panel, State } from '../parts';
import { useChangedPrinters, useLoad, useReloadOn } from '../use-load';

/** How far the rollback of a version has come; nothing if it was never rolled back. */
export function RollbackProgress({ version }: { version: string }) {
  const { data, error, reload } = useLoad(`rollback of ${version}`, (stop) => rollbackOf(version, stop));
  useChangedPrinters(() => data?.status !== 'cancelled', reload);
  useReloadOn(statusesOf(data), reload);
  if (data === null) return error == null ? null : <Failure error={error} retry={reload} />;
  const { printers, online, offline, under_way: underWay, opted_out: optedOut, status } = data;
  const isDone = printers === 0 && underWay === 0;
  return (
    <Panel
      title={`Rollback of ${version}`}
      aside={
        <State kind={isDone ? 'good' : status === 'cancelled' ? 'warn' : 'busy'}>
          {isDone ? 'done' : status}
        </State>
      }
    >
      <p class="headline" role="status">
        {printers === 0 ? (
          <>No printer runs {version} any more.</>
        ) : (
          <>
            <a href={address('/printers', { firmware_version: version })}>
              <b>{counted(printers, 'printer')}</b>
            </a>{' '}
            still {printers === 1 ? 'runs' : 'run'} {version}: {count(online)} online, {count(offline)}{' '}
            offline.
          </>
        )}
      </p>
      {offline > 0 && <p>Printers that are offline are moved back when they connect.</p>}
      {optedOut > 0 && (
        <p>
          <a href={address('/printers', { firmware_version: version, auto_update: false })}>
            <b>{counted(optedOut, 'printer')}</b>
          </a>{' '}
          {optedOut === 1 ? 'declines' : 'decline'} automatic updates and {optedOut === 1 ? 'keeps' : 'keep'}{' '}
          {version}. To move {optedOut === 1 ? 'it' : 'them'}, make the older version mandatory on the{' '}
          <a href="/firmware">firmware page</a>, or turn automatic updates on at the printer.
        </p>
      )}
      {underWay > 0 && (
        <p>
          <a href={address('/printers', { about_to_run: version })}>
            <b>{counted(underWay, 'more printer')}</b>
          </a>{' '}
          {underWay === 1 ? 'is' : 'are'} about to run {version}. A printer that comes back with it is moved
          back; one that never comes back keeps the rollback open until you block or delete it.
        </p>
      )}
      <p class="hint">
        Moved back by <Links ids={data.rollouts.map(({ id }) => id)} />
        {data.rolls_back.length > 0 && (
          <>
            ; it cancelled <Links ids={data.rolls_back} />
          </>
        )}
        . Started by {creatorText(data.created_by)}.
      </p>
    </Panel>
  );
}

/** Null if the version was never rolled back. */
async function rollbackOf(version: string, stop: AbortSignal): Promise<Rollback | null> {
  try {
    return await api.rollback(version, stop);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

function statusesOf(rollback: Rollback | null): string {
  const rollouts = rollback?.rollouts ?? [];
  return rollouts
    .map(({ id }) => live.rollouts.value.get(id))
    .map((rollout) => `${rollout?.status ?? ''} ${rollout?.completed_count ?? 0}`)
    .join();
}

function Links({ ids }: { ids: readonly number[] }) {
  return ids.map((id, index) => (
    <span key={id}>
      {index > 0 && ', '}
      <a href={`/rollouts/${id}`}>rollout {id}</a>
    </span>
  ));
}
