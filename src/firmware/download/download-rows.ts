import { Injectable } from '@nestjs/common';
import type { FirmwareSelector } from '../firmware-input.js';
import { FirmwareRows } from '../firmware-rows.js';
import type { Firmware } from '../firmware.entity.js';

// Maximum selectors kept. A rollout uses one for each of its builds.
const MAX_SELECTORS = 1_000;

/** The rows that downloads have asked for, in memory until firmware changes. Their counts are not kept up to date. */
@Injectable()
export class DownloadRows {
  private rows = new Map<string, Firmware>();

  constructor(private readonly firmware: FirmwareRows) {
    // A new map, so that a row that is being read meanwhile is not kept.
    firmware.onChange(() => (this.rows = new Map()));
  }

  /** The row of a selector if it is in memory, else null. */
  inMemory(selector: FirmwareSelector): Firmware | null {
    return this.rows.get(keyOf(selector)) ?? null;
  }

  /**
   * The row of a selector, as `FirmwareRows.get` returns it.
   *
   * @throws NotFoundError if there is none
   */
  async get(selector: FirmwareSelector): Promise<Firmware> {
    const { rows } = this;
    const known = this.inMemory(selector);
    if (known !== null) return known;
    const row = await this.firmware.get(selector);
    if (rows.size >= MAX_SELECTORS) rows.clear();
    rows.set(keyOf(selector), row);
    return row;
  }
}

/** No field contains a space; `*` is neither a channel nor a platform. */
function keyOf({ version, channel, platform, sha256 }: FirmwareSelector): string {
  return `${version} ${channel ?? '*'} ${platform ?? '*'} ${sha256 ?? ''}`;
}
