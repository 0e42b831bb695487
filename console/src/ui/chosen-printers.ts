import { signal } from '@preact/signals';

const NAME = 'paperminder-chosen-printers';

/** UUIDs of the printers chosen in the list; kept across its pages. */
export const chosen = signal<ReadonlySet<string>>(new Set());

/** Chooses printers, or leaves them out again. */
export function choose(uuids: readonly string[], yes: boolean): void {
  const next = new Set(chosen.value);
  for (const uuid of uuids) {
    if (yes) next.add(uuid);
    else next.delete(uuid);
  }
  chosen.value = next;
}

/** Where a new rollout finds the printers that were handed over to it. */
export const ROLLOUT_TO_CHOSEN = '/rollouts/new?printers=chosen';

/** Passes printers to the page of a new rollout: they would not all fit in a URL. */
export function handOver(uuids: Iterable<string>): void {
  sessionStorage.setItem(NAME, JSON.stringify([...uuids]));
}
