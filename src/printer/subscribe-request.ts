import type { Channel } from '../common/channel.js';
import type { FoundProblem } from './printer-problems.js';

/** What a printer says of itself when it subscribes; null if it says nothing. */
export interface SubscribeRequest {
  /** Lower-case; so also the user ids. */
  uuid: string;
  name: string;
  /** SHA-256 of the printer's secret; null where it shows none. */
  keyHash: string | null;
  userId: string | null;
  /** The UUID in the path of its connection: the owner's, or the printer's own (early firmware). */
  pathId: string;
  platform: string | null;
  /** Canonical; null if it says none, or one that cannot be read. */
  firmwareVersion: string | null;
  /** The text that it says as its version, if that cannot be read. */
  unreadableVersion: string | null;
  autoUpdate: boolean | null;
  channel: Channel | null;
  address: string;
  /** What of its subscribe cannot be used. */
  problems: readonly FoundProblem[];
}
