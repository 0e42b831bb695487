import type { Channel } from '../common/channel.js';
import type { FoundProblem } from './printer-problems.js';

/** The contents of a printer's subscribe message; null for a field that is absent or unusable. */
export interface SubscribeRequest {
  /** Lower-case, like the user ids. */
  uuid: string;
  name: string;
  /** SHA-256 of the printer's secret; null if it sends none. */
  keyHash: string | null;
  userId: string | null;
  /** The UUID in the path of its connection: the owner's, or the printer's own (early firmware). */
  pathId: string;
  platform: string | null;
  /** Canonical; null if absent or unreadable. */
  firmwareVersion: string | null;
  /** The version as sent, if it cannot be read; otherwise null. */
  unreadableVersion: string | null;
  autoUpdate: boolean | null;
  channel: Channel | null;
  address: string;
  /** The fields that cannot be used. */
  problems: readonly FoundProblem[];
}
