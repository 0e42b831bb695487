import type { Channel } from '../common/channel.js';

/** What an operator provides for a new build. Versions are canonical. */
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

/** What can be changed of a build later. An absent field stays as it is. */
export interface FirmwareChange {
  releaseNotes?: string | null;
  changelog?: string | null;
  mandatory?: boolean;
  deprecated?: boolean;
  /** As in `NewFirmware`; replaces an existing signature. */
  signature?: string;
}

/** Selects rows of a version. An absent field does not narrow the selection. */
export interface FirmwareSelector {
  version: string;
  channel?: Channel | undefined;
  platform?: string | undefined;
  /** A prefix of the SHA-256, hexadecimal, lower-case. */
  sha256?: string | undefined;
}
