import type { Channel } from '../api/types';

/** The channels, the most stable first. */
export const CHANNELS = ['stable', 'beta', 'canary'] as const satisfies readonly Channel[];

/** The channel that a text names; null if it names none. */
export function channelOf(text: string | undefined): Channel | null {
  return CHANNELS.find((channel) => channel === text) ?? null;
}
