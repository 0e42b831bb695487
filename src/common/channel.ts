/** The update channels, the most stable first; the order decides where a rule says "most stable". */
export const CHANNELS = ['stable', 'beta', 'canary'] as const;

/** An update channel (guide, "Uploading Firmware"). */
export type Channel = (typeof CHANNELS)[number];

/** Position of a channel by stability: 0 is the most stable. */
export function channelRank(channel: Channel): number {
  return CHANNELS.indexOf(channel);
}
