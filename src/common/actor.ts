import { AsyncLocalStorage } from 'node:async_hooks';

export const ACTOR_KINDS = ['key', 'local', 'anybody', 'command_line', 'system'] as const;

/** The originator of a change. */
export interface Actor {
  /** `local`: a user on this machine, before there was a key. `anybody`: no key was required (AUTH=none, or an open path). */
  kind: (typeof ACTOR_KINDS)[number];
  /** The number and the name of the key; null if there is none. */
  keyId: number | null;
  name: string | null;
  /** Where the request came from; null if there was no request. */
  address: string | null;
}

/** The server itself: changes caused by time or a printer. */
export const SYSTEM: Actor = { kind: 'system', keyId: null, name: null, address: null };
const current = new AsyncLocalStorage<Actor>();

/** Display name of an actor: the name of its key, else its kind. */
export function actorName({ kind, name }: Actor): string {
  return name ?? kind;
}

/** Runs work, and everything asynchronous that it starts, on behalf of an actor. */
export function onBehalfOf<T>(actor: Actor, work: () => T): T {
  return current.run(actor, work);
}

/** The actor on whose behalf this code runs; the system if there is none. */
export function currentActor(): Actor {
  return current.getStore() ?? SYSTEM;
}
