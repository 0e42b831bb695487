import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { ValidationError } from '../../common/errors.js';
import { versionKey } from '../../common/version.js';
import { Database } from '../../database/database.js';
import type { Transaction } from '../../database/transaction.js';
import { SigningKeys } from '../../signing/signing-keys.js';
import type { VerifiedSignature } from '../../signing/signing-keys.js';
import { SharedBinaries } from '../binaries/shared-binaries.js';
import type { NewFirmware } from '../firmware-input.js';
import { FirmwareRows, describe } from '../firmware-rows.js';
import { FirmwareStorage } from '../binaries/firmware-storage.js';
import type { ReceivedBinary } from '../binaries/firmware-storage.js';
import type { Firmware } from '../firmware.entity.js';
import { ImageCheck } from '../binaries/image-check.js';
import { UploadChecks } from './upload-checks.js';

/** The result of an upload. */
export interface Upload {
  firmware: Firmware;
  /** True if the build existed, and the upload has replaced its damaged binary. */
  mended: boolean;
}

/** Adds builds, and repairs their binaries. */
@Injectable()
export class FirmwareUploads {
  private readonly logger = new Logger('Firmware');

  constructor(
    private readonly database: Database,
    private readonly rows: FirmwareRows,
    private readonly storage: FirmwareStorage,
    private readonly binaries: SharedBinaries,
    private readonly images: ImageCheck,
    private readonly checks: UploadChecks,
    private readonly signingKeys: SigningKeys,
    private readonly clock: Clock,
  ) {}

  /**
   * Adds a build. The binary is on disk before its row exists; if the build is refused, it is removed. If the build exists with the same
   * bytes, and these are missing or damaged on disk, they are replaced.
   *
   * @throws ValidationError for an empty binary, a min_upgrade_version above the version, a signature that is not accepted, or texts that
   *   are too long
   * @throws ConflictError if the channel has this version already, or the version names other bytes
   */
  async upload(build: NewFirmware, binary: ReceivedBinary): Promise<Upload> {
    try {
      return await this.add(build, binary);
    } finally {
      await this.storage.discard(binary);
    }
  }

  private async add(build: NewFirmware, binary: ReceivedBinary): Promise<Upload> {
    if (binary.size === 0) throw ValidationError.field('file', '', 'file must not be empty');
    this.checks.refuseLongTexts(build);
    const key = versionKey(build.version);
    if (build.minUpgradeVersion !== null && versionKey(build.minUpgradeVersion) > key) {
      const message = `min_upgrade_version must not be above version ${build.version}`;
      throw ValidationError.field('min_upgrade_version', build.minUpgradeVersion, message);
    }
    const upload = await this.binaries.exclusive(async () => {
      const existing = await this.damagedRow(build, binary);
      if (existing) return this.mend(existing, binary);
      const verified = await this.signingKeys.verify(binary.temporaryPath, build.signature);
      await this.checks.refuseClash(this.database.committed, build, binary.sha256);
      try {
        await this.publish(build.version, binary);
        const firmware = await this.database.write(async (tx) => {
          // A promotion may have been committed in between.
          await this.checks.refuseClash(tx.sql, build, binary.sha256);
          return this.insert(tx, build, binary, verified);
        });
        return { firmware, mended: false };
      } catch (error) {
        await this.binaries.removeUnused([binary.sha256]);
        throw error;
      }
    });
    const { firmware, mended } = upload;
    const what = `${describe(firmware)}, ${firmware.fileSize} bytes, sha256 ${firmware.sha256}`;
    this.logger.log(`${mended ? 'Repaired the binary of' : 'Uploaded'} ${what}`);
    return upload;
  }

  /** The row of an upload's build if its bytes are the same, and missing or damaged on disk; else null. */
  private async damagedRow(build: NewFirmware, binary: ReceivedBinary): Promise<Firmware | null> {
    const row = await this.checks.existing(this.database.committed, build);
    if (row?.sha256 !== binary.sha256) return null;
    await this.images.verifyAll([row]);
    return this.images.isDamaged(row) ? row : null;
  }

  /** Needs no signature: the row was accepted with the same bytes. */
  private async mend(row: Firmware, binary: ReceivedBinary): Promise<Upload> {
    await this.publish(row.version, binary);
    await this.database.write((tx) => this.rows.recordMended(tx, row));
    return { firmware: row, mended: true };
  }

  /** Publishes a binary. The same bytes are then intact for every row, including damaged ones. */
  private async publish(version: string, binary: ReceivedBinary): Promise<void> {
    await this.storage.publish(binary);
    this.images.written({ version, sha256: binary.sha256 });
  }

  private async insert(
    tx: Transaction,
    build: NewFirmware,
    binary: ReceivedBinary,
    verified: VerifiedSignature | null,
  ): Promise<Firmware> {
    await this.signingKeys.confirm(tx, verified);
    const row: Omit<Firmware, 'id'> = {
      ...build,
      versionKey: versionKey(build.version),
      fileSize: binary.size,
      md5: binary.md5,
      sha256: binary.sha256,
      appendedSha256: binary.appendedSha256,
      signingKeyFingerprint: verified?.signingKeyFingerprint ?? null,
      releasedAt: this.clock.now(),
      deprecatedAt: null,
      downloadCount: 0,
      successCount: 0,
      failureCount: 0,
    };
    const inserted = await this.rows.insert(tx, row, 'firmware.upload');
    await this.rows.changed(tx, build.version);
    return inserted;
  }
}
