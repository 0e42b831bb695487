import { AsyncLocalStorage } from 'node:async_hooks';

export const ACTOR_KINDS = ['key', 'local', 'anybody', 'command_line', 'system'] as const;

/** Who brings a change about. */
export interface Actor {
  /** `local`: somebody at this machine, before there was a key. `anybody`: nobody was asked (AUTH=none, or an open path). */
  kind: (typeof ACTOR_KINDS)[number];
  /** The number and the name of the key; null where it is none. */
  keyId: number | null;
  name: string | null;
  /** Where the request came from; null where it is none. */
  address: string | null;
}

/** The server by itself: what time or a printer brings about. */
export const SYSTEM: Actor = { kind: 'system', keyId: null, name: null, address: null };
const current = new AsyncLocalStorage<Actor>();

/** What an actor is called: the name of its key, else its kind. */
export function actorName({ kind, name }: Actor): string {
  return name ?? kind;
}

/** Does something, and all that comes of it, on somebody's behalf. */
export function onBehalfOf<T>(actor: Actor, work: () => T): T {
  return current.run(actor, work);
}

/** On whose behalf this runs; the system's own where nobody asked for it. */
export function currentActor(): Actor {
  return current.getStore() ?? SYSTEM;
}
