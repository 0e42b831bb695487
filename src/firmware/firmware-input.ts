import type { Channel } from '../common/channel.js';

/** What an operator says of a new build; versions are canonical. */
export interface NewFirmware {
  version: string;
  channel: Channel;
  /** '' fits every board. */
  platform: string;
  releaseNotes: string | null;
  changelog: string | null;
  mandatory: boolean;
  minUpgradeVersion: string | null;
  /** Detached Ed25519 signature over the bytes of the binary, base64. */
  signature: string | null;
}

/** What can be changed of a build later; what is absent stays. */
export interface FirmwareChange {
  releaseNotes?: string | null;
  changelog?: string | null;
  mandatory?: boolean;
  deprecated?: boolean;
  /** As that of `NewFirmware`; a build that has one gets another. */
  signature?: string;
}

/** Names the rows of a version; what is absent does not narrow. */
export interface FirmwareSelector {
  version: string;
  channel?: Channel | undefined;
  platform?: string | undefined;
  /** The beginning of the SHA-256, hexadecimal, lower-case. */
  sha256?: string | undefined;
}
