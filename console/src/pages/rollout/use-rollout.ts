import { useEffect, useRef } from 'preact/hooks';
import { api } from '../../api/api';
import { live, noteRollout } from '../../api/live';
import type { Rollout } from '../../api/types';
import { useChangedPrinters, useLoad } from '../../ui/use-load';

/** A rollout as it is now: loaded once, then as the stream of changes tells it. */
export function useRollout(id: number): { rollout: Rollout | null; error: unknown; reload: () => void } {
  const { data, error, reload } = useLoad(`rollout ${id}`, async (stop) => {
    const loaded = await api.rollout(id, stop);
    if (loaded.status === 'cancelled') noteRollout(loaded);
    return loaded;
  });
  const streamed = live.rollouts.value.get(id) ?? null;
  const rollout = streamed ?? data;

  // Deleted; or cancelled, while there was no stream.
  const known = streamed !== null;
  const wasKnown = useRef(known);
  useEffect(() => {
    if (wasKnown.current && !known) reload();
    wasKnown.current = known;
  }, [known]);

  // The stream tells of a cancelled rollout once; what was under way then still ends.
  useChangedPrinters(() => rollout?.status === 'cancelled' && rollout.in_progress_count > 0, reload);

  return { rollout, error, reload };
}

/** Says whether anything about a rollout has changed that its lists and its curve show. */
export function countersOf(rollout: Rollout): string {
  return [
    rollout.status,
    rollout.rollout_percentage,
    rollout.pending_count,
    rollout.due_pending_count,
    rollout.in_progress_count,
    rollout.completed_count,
    rollout.failed_count,
    rollout.declined_count,
  ].join();
}
