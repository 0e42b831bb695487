import { Injectable } from '@nestjs/common';
import { ConflictError, ValidationError } from '../../common/errors.js';
import { AppConfig } from '../../config/config.js';
import { Database } from '../../database/database.js';
import type { Table } from '../../database/table.js';
import type { FirmwareChange, NewFirmware } from '../firmware-input.js';
import { alreadyExists } from '../firmware-rows.js';
import { Firmware } from '../firmware.entity.js';
import type { Sql } from '../../database/sql.js';

const BUILDS = 'WHERE version = ? AND platform = ?';
const SENT_WITH_OTHER_BYTES = `SELECT sha256, sum(printers) AS printers FROM sent_firmware
  WHERE version = ? AND platform = ? AND sha256 <> ? GROUP BY sha256`;

/** Decides whether a version may name the bytes of an upload (decisions, "Firmware"). */
@Injectable()
export class UploadChecks {
  private readonly table: Table<Firmware>;

  constructor(
    database: Database,
    private readonly config: AppConfig,
  ) {
    this.table = database.table(Firmware);
  }

  /** The row of the same version, channel and platform; null if there is none. */
  async existing(sql: Sql, build: NewFirmware): Promise<Firmware | null> {
    const { version, platform, channel } = build;
    return this.table.find(sql, `${BUILDS} AND channel = ?`, version, platform, channel);
  }

  /**
   * Refuses a build that exists already, or whose bytes differ from those that its version names.
   *
   * @param sha256 of the file
   * @throws ConflictError
   */
  async refuseClash(sql: Sql, build: NewFirmware, sha256: string): Promise<void> {
    const same = await this.existing(sql, build);
    if (same) throw alreadyExists(same);
    await this.refuseOtherThanSent(sql, build, sha256);
    const rows = await this.table.select(sql, BUILDS, build.version, build.platform);
    const other = rows.find((row) => row.sha256 !== sha256);
    if (other === undefined) return;
    throw new ConflictError(
      `A version names one binary: ${build.version} is in channel ${other.channel} with SHA-256 ${other.sha256}, ` +
        `and the file has ${sha256}; upload the same file, or give it a version of its own`,
    );
  }

  /** @throws ValidationError naming the text that is too long */
  refuseLongTexts({ releaseNotes, changelog }: Pick<FirmwareChange, 'releaseNotes' | 'changelog'>): void {
    const { maxTextLength } = this.config;
    for (const [field, text] of Object.entries({ release_notes: releaseNotes, changelog })) {
      if (text == null || text.length <= maxTextLength) continue;
      const message = `${field} must be at most ${maxTextLength} characters long, not ${text.length}`;
      throw ValidationError.field(field, text, message);
    }
  }

  /** A version that printers were sent names the same bytes for ever, deleted or not. */
  private async refuseOtherThanSent(sql: Sql, { version, platform }: NewFirmware, sha256: string): Promise<void> {
    const sent = await sql.first(SENT_WITH_OTHER_BYTES, version, platform, sha256);
    if (sent === undefined) return;
    const board = platform === '' ? '' : ` for ${platform}`;
    throw new ConflictError(
      `Firmware ${version}${board} was sent to ${inWords(Number(sent.printers))} with other bytes; ` +
        `use a new version number (the bytes that were sent have SHA-256 ${sent.sha256}, and the file has ${sha256})`,
    );
  }
}

/** The count is 0 if all sends were taken back, but a board may still have the bytes. */
function inWords(printers: number): string {
  if (printers === 0) return 'printers';
  return printers === 1 ? '1 printer' : `${printers} printers`;
}
