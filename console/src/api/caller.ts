import { effect, signal } from '@preact/signals';
import { api } from './api';
import { live } from './live';
import type { Caller, Scope } from './types';

/** The signed-in user as the server reports it; null until it has answered. */
export const caller = signal<Caller | null>(null);

/** Asks who is signed in whenever the stream of changes has been opened: after each sign-in, and each restart of the server. */
export function startCaller(): void {
  effect(() => {
    if (live.hello.value !== null) void load();
  });
}

async function load(): Promise<void> {
  try {
    caller.value = await api.whoAmI();
  } catch {
    // The server itself decides on each request; nothing is disabled until the key's scopes are known.
    caller.value = null;
  }
}

/** Why the signed-in user lacks a scope; null if the user has it. */
export function refusalOf(scope: Scope): string | null {
  const { value } = caller;
  if (value === null || value.scopes.includes('admin') || value.scopes.includes(scope)) return null;
  const has = value.scopes.join(', ');
  return `This needs the scope ${scope}. The key “${value.name ?? ''}” has: ${has}.`;
}
