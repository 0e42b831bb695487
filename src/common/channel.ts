/** The update channels, the most stable first. Rules that say "most stable" use this order. */
export const CHANNELS = ['stable', 'beta', 'canary'] as const;

/** An update channel (guide, "Uploading Firmware"). */
export type Channel = (typeof CHANNELS)[number];

/** Position of a channel by stability: 0 is the most stable. */
export function channelRank(channel: Channel): number {
  return CHANNELS.indexOf(channel);
}
