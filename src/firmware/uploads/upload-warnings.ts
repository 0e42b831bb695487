import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';
import type { Firmware } from '../firmware.entity.js';

/** A feature that warns about oddities of a new build. */
export interface UploadAdviser {
  /** Whole sentences without a full stop; empty if nothing is odd. */
  warningsFor(row: Firmware): string[];
}

// Printer protocol, "Download": how an image begins, and the gzip images that an ESP8266 accepts.
const IMAGE = 0xe9;
const GZIP = 0x1f;

const LATEST = `SELECT version FROM firmware WHERE channel = ? AND version_key > ? AND deprecated_at IS NULL
  ORDER BY version_key DESC LIMIT 1`;

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
  of(row: Firmware, firstByte: number): string[] {
    return [
      ...imageWarnings(row, firstByte),
      ...this.versionWarnings(row),
      ...this.advisers.flatMap((adviser) => adviser.warningsFor(row)),
    ];
  }

  private versionWarnings({ version, versionKey, channel }: Firmware): string[] {
    const latest = this.database.reader.get(LATEST, channel, versionKey)?.version;
    return latest === undefined ? [] : [`Version ${version} is below ${latest}, the latest in ${channel}`];
  }
}

function imageWarnings({ platform }: Firmware, firstByte: number): string[] {
  if (firstByte === GZIP && platform !== '' && platform !== 'esp8266')
    return [`The file is a gzip image, which only an ESP8266 can take, and the build is for ${platform}`];
  if (firstByte === IMAGE || firstByte === GZIP) return [];
  return ['The file does not begin like an image of an ESP board (0xE9, or 0x1F for gzip)'];
}
