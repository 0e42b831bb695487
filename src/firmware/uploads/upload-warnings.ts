import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';
import type { Firmware } from '../firmware.entity.js';

/** A feature that warns about oddities of a new build. */
export interface UploadAdviser {
  /** Whole sentences without a full stop; empty if nothing is odd. */
  warningsFor(row: Firmware): Promise<string[]>;
}

// Printer protocol, "Download": how an image begins, and the gzip images that an ESP8266 accepts.
const IMAGE = 0xe9;
const GZIP = 0x1f;

const LATEST = `SELECT version FROM firmware WHERE channel = ? AND version_key > ? AND deprecated_at IS NULL
  ORDER BY version_key DESC LIMIT 1`;

// Builds that boards of this one may have been sent: a build for every board fits theirs, too. While boards have a build of their own, the
// one for every board is not for them.
const SENT_FOR_OTHERS = `SELECT platform, sum(printers) AS printers FROM sent_firmware sent
  WHERE version = ? AND sha256 <> ? AND platform <> ? AND '' IN (platform, ?) AND NOT EXISTS
    (SELECT 1 FROM firmware own WHERE own.version = sent.version AND own.platform = sent.platform AND sent.platform <> '')
  GROUP BY platform HAVING sum(printers) > 0 ORDER BY platform`;

/** Collects warnings about odd uploads that were accepted nevertheless. */
@Injectable()
export class UploadWarnings {
  private readonly advisers: UploadAdviser[] = [];

  constructor(private readonly database: Database) {}

  /** Registers a feature that depends on firmware. */
  register(adviser: UploadAdviser): void {
    this.advisers.push(adviser);
  }

  /**
   * Warnings about a build that was just uploaded, in whole sentences.
   *
   * @param firstByte of its binary
   */
  async of(row: Firmware, firstByte: number): Promise<string[]> {
    return [
      ...imageWarnings(row, firstByte),
      ...await this.versionWarnings(row),
      ...await this.sentWarnings(row),
      ...(await Promise.all(this.advisers.map((adviser) => adviser.warningsFor(row)))).flat(),
    ];
  }

  private async versionWarnings({ version, versionKey, channel }: Firmware): Promise<string[]> {
    const latest = (await this.database.committed.first(LATEST, channel, versionKey))?.version;
    return latest === undefined ? [] : [`Version ${version} is below ${latest}, the latest in ${channel}`];
  }

  /** A printer that runs the version is not sent it again, so it keeps the bytes that it was sent. */
  private async sentWarnings({ version, platform, sha256 }: Firmware): Promise<string[]> {
    const sent = await this.database.committed.rows(SENT_FOR_OTHERS, version, sha256, platform, platform);
    return sent.map(({ platform: boards, printers }) => {
      const build = boards === '' ? 'every board' : String(boards);
      const count = Number(printers) === 1 ? '1 printer' : `${Number(printers)} printers`;
      return `Version ${version} was sent to ${count} as the build for ${build}, with other bytes: those that run it are not sent this build`;
    });
  }
}

function imageWarnings({ platform }: Firmware, firstByte: number): string[] {
  if (firstByte === GZIP && platform !== '' && platform !== 'esp8266')
    return [`The file is a gzip image, which only an ESP8266 can take, and the build is for ${platform}`];
  if (firstByte === IMAGE || firstByte === GZIP) return [];
  return ['The file does not begin like an image of an ESP board (0xE9, or 0x1F for gzip)'];
}
