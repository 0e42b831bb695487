import type { DownloadTokens } from '../../firmware/download/download-tokens.js';
import type { TargetPrinter } from '../../printer/printer.service.js';
import type { Build, RolloutRule } from '../rules/targeting.js';

/** An update that is recorded as in progress, and is now to be sent. */
export interface Offer {
  printerUuid: string;
  version: string;
  /** Null if the build fits every board. */
  platform: string | null;
  md5: string;
  /** Null if the build has none. */
  signature: string | null;
  /** Path and query of the download. */
  downloadPath: string;
}

/** The build of a rollout as its printer is told of it. */
export function toOffer(
  printer: Pick<TargetPrinter, 'id' | 'uuid'>,
  rule: RolloutRule,
  build: Build,
  tokens: DownloadTokens,
): Offer {
  const { downloadPath } = build;
  return {
    printerUuid: printer.uuid,
    version: rule.version,
    platform: build.platform === '' ? null : build.platform,
    md5: build.md5,
    // Names the printer that a download is a sign of life of, and opens it to that printer alone.
    downloadPath: `${downloadPath}&printer=${printer.id}&token=${tokens.issue(rule.version, printer.id)}`,
    signature: build.signature,
  };
}
