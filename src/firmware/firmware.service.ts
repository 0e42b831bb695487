import { Injectable, Logger } from '@nestjs/common';
import type { Channel } from '../common/channel.js';
import { Clock } from '../common/clock.js';
import { Conflict, Invalid, NotFound } from '../common/errors.js';
import { Serial } from '../common/serial.js';
import { AppConfig } from '../config/config.js';
import { versionKey } from '../common/version.js';
import { Database } from '../database/database.js';
import type { Statements } from '../database/statements.js';
import type { Table } from '../database/table.js';
import { UnitOfWork } from '../database/unit-of-work.js';
import type { Transaction } from '../database/transaction.js';
import { SigningKeys } from '../signing/signing-keys.js';
import type { VerifiedSignature } from '../signing/signing-keys.js';
import type { FirmwareChange, FirmwareSelector, NewFirmware } from './firmware-input.js';
import type { FirmwareObserver } from './firmware-observer.js';
import { FirmwareRows, alreadyExists, compareRows, compareText, describe } from './firmware-rows.js';
import { FirmwareStorage } from './firmware-storage.js';
import type { ReceivedBinary } from './firmware-storage.js';
import { Firmware } from './firmware.entity.js';

const SENT_WITH_OTHER_BYTES = `SELECT sha256, sum(printers) AS printers FROM sent_firmware
  WHERE version = ? AND platform = ? AND sha256 <> ? GROUP BY sha256`;

/** Firmware builds: the rows in the database together with the binaries on disk. */
@Injectable()
export class FirmwareService {
  private readonly logger = new Logger(FirmwareService.name);
  // A binary is shared by rows: between "no row needs it" and its removal, no upload may come to rely on it.
  private readonly files = new Serial();

  private readonly table: Table<Firmware>;

  constructor(
    private readonly database: Database,
    private readonly rows: FirmwareRows,
    private readonly unitOfWork: UnitOfWork,
    private readonly storage: FirmwareStorage,
    private readonly signingKeys: SigningKeys,
    private readonly clock: Clock,
    private readonly config: AppConfig,
  ) {
    this.table = database.table(Firmware);
  }

  /** Registers a feature that depends on firmware. */
  observe(observer: FirmwareObserver): void {
    this.rows.observers.push(observer);
  }

  /**
   * Adds a build. The binary is on disk before its row exists; where the build is refused, it is removed.
   *
   * @throws Invalid for an empty binary, a min_upgrade_version above the version, a signature that does not count, or texts that are
   *   too long
   * @throws Conflict where the channel has this version, or the version names other bytes
   */
  async upload(build: NewFirmware, binary: ReceivedBinary): Promise<Firmware> {
    try {
      return await this.add(build, binary);
    } finally {
      await this.storage.discard(binary);
    }
  }

  /** The highest version by precedence in a channel, deprecated ones left out. */
  latest(channel: Channel): Firmware {
    const latest = this.table.find(
      this.database.reader,
      'WHERE channel = ? AND deprecated_at IS NULL ORDER BY version_key DESC, platform LIMIT 1',
      channel,
    );
    if (!latest) throw new NotFound(`No firmware in channel ${channel}`);
    return latest;
  }

  /** The row that a selector leads to: in the most stable channel, the build for every board first. */
  get(selector: FirmwareSelector): Firmware {
    return this.rows.get(selector);
  }

  /** All rows, the highest version first, the most stable channel first. */
  list(channel?: Channel): Firmware[] {
    const rows = this.table.select(
      this.database.reader,
      'WHERE channel = coalesce(?, channel)',
      channel ?? null,
    );
    return rows.sort((a, b) => compareText(b.versionKey, a.versionKey) || compareRows(a, b));
  }

  /**
   * Changes every row that the selector names.
   *
   * @returns the row that `get` answers with for the same selector
   * @throws Invalid for a signature that is not that of the binary of each row, or texts that are too long
   */
  async change(selector: FirmwareSelector, change: FirmwareChange): Promise<Firmware> {
    this.refuseLongTexts(change);
    const { signature } = change;
    if (signature === undefined) return this.changeRows(selector, change, null);
    return this.files.run(async () => {
      const rows = this.rows.named(this.database.reader, selector);
      let verified = null;
      // While this runs no upload can add a row to them.
      for (const sha256 of new Set(rows.map((row) => row.sha256)))
        verified = await this.signingKeys.verify(this.storage.pathOf(sha256), signature);
      return this.changeRows(selector, change, verified);
    });
  }

  private changeRows(
    selector: FirmwareSelector,
    change: FirmwareChange,
    verified: VerifiedSignature | null,
  ): Promise<Firmware> {
    const { deprecated, ...rest } = change;
    const columns = { ...rest, ...verified };
    return this.unitOfWork.run(async (tx) => {
      const rows = this.rows.named(tx.db, selector);
      if (verified !== null) this.signingKeys.confirm(tx, verified);
      for (const row of rows) {
        const deprecatedAt =
          deprecated === undefined
            ? row.deprecatedAt
            : deprecated
              ? (row.deprecatedAt ?? this.clock.now())
              : null;
        await tx.em.update(Firmware, { id: row.id }, { ...columns, deprecatedAt });
        this.rows.record(tx, 'firmware.change', row, { ...row, ...columns, deprecatedAt });
      }
      await this.rows.changed(tx, selector.version);
      tx.afterCommit(() =>
        this.logger.log(`Changed firmware ${selector.version}: ${JSON.stringify(change)}`),
      );
      return this.rows.named(tx.db, selector)[0];
    });
  }

  /**
   * Deletes every row that the selector names, and the binary with its last row.
   *
   * @throws Conflict while a rollout that is not cancelled could send one of the rows, and no other row takes its place
   */
  async remove(selector: FirmwareSelector): Promise<void> {
    await this.files.run(async () => {
      const rows = await this.unitOfWork.run(async (tx) => {
        const found = this.rows.named(tx.db, selector);
        const ids = found.map((row) => row.id);
        const remaining = this.rows
          .named(tx.db, { version: selector.version })
          .filter(({ id }) => !ids.includes(id));
        for (const observer of this.rows.observers) await observer.beforeDelete(tx, found, remaining);
        await tx.em.delete(Firmware, ids);
        for (const row of found) this.rows.record(tx, 'firmware.delete', row, null);
        await this.rows.changed(tx, selector.version);
        return found;
      });
      for (const row of rows) this.logger.log(`Deleted ${describe(row)}`);
      await this.removeUnused([...new Set(rows.map((row) => row.sha256))]);
    });
  }

  /**
   * Says whether builds may be chosen for new rollouts.
   *
   * @throws Conflict where one has no signature, while signing keys are registered
   */
  requireSigned(db: Statements, rows: readonly Firmware[]): void {
    const unsigned = rows.find((row) => row.signature === null);
    if (unsigned === undefined || !this.signingKeys.areRegistered(db)) return;
    throw new Conflict(
      `A signature is missing: ${describe(unsigned)} has none, and signing keys are registered; ` +
        `give it one (PATCH /api/firmware/${unsigned.version})`,
    );
  }

  /** True if a build has no signature while signing keys are registered. */
  lacksSignature(db: Statements, row: Firmware): boolean {
    return row.signature === null && this.signingKeys.areRegistered(db);
  }

  /** The row of the highest version below a version that is not deprecated; null if there is none. */
  highestBelow(db: Statements, key: string): Firmware | null {
    return this.table.find(
      db,
      'WHERE version_key < ? AND deprecated_at IS NULL ORDER BY version_key DESC LIMIT 1',
      key,
    );
  }

  /** Deprecates every row of a version, within a transaction. */
  async deprecateIn(tx: Transaction, version: string): Promise<void> {
    const rows = this.ofVersions(tx.db, [version]).get(version) ?? [];
    const deprecatedAt = this.clock.now();
    for (const row of rows.filter((one) => one.deprecatedAt === null)) {
      await tx.em.update(Firmware, { id: row.id }, { deprecatedAt });
      this.rows.record(tx, 'firmware.change', row, { ...row, deprecatedAt });
    }
    await this.rows.changed(tx, version);
  }

  /** Every row of each of the versions, in the order of `compareRows`. */
  ofVersions(db: Statements, versions: readonly string[]): Map<string, Firmware[]> {
    const wanted = JSON.stringify([...new Set(versions)]);
    const rows = this.table.select(db, 'WHERE version IN (SELECT value FROM json_each(?))', wanted);
    const byVersion = new Map<string, Firmware[]>();
    for (const row of rows.sort(compareRows)) {
      const same = byVersion.get(row.version);
      if (same) same.push(row);
      else byVersion.set(row.version, [row]);
    }
    return byVersion;
  }

  private async add(build: NewFirmware, binary: ReceivedBinary): Promise<Firmware> {
    if (binary.size === 0) throw Invalid.field('file', '', 'file must not be empty');
    this.refuseLongTexts(build);
    const key = versionKey(build.version);
    if (build.minUpgradeVersion !== null && versionKey(build.minUpgradeVersion) > key) {
      const message = `min_upgrade_version must not be above version ${build.version}`;
      throw Invalid.field('min_upgrade_version', build.minUpgradeVersion, message);
    }
    const firmware = await this.files.run(async () => {
      const verified = await this.signingKeys.verify(binary.temporaryPath, build.signature);
      await this.unitOfWork.run((tx) => this.refuseClash(tx, build, binary));
      try {
        await this.storage.publish(binary);
        return await this.unitOfWork.run(async (tx) => {
          // A promotion may have come in between.
          await this.refuseClash(tx, build, binary);
          return this.insert(tx, build, binary, verified);
        });
      } catch (error) {
        await this.removeUnused([binary.sha256]);
        throw error;
      }
    });
    this.logger.log(`Uploaded ${describe(firmware)}, ${firmware.fileSize} bytes, sha256 ${firmware.sha256}`);
    return firmware;
  }

  private refuseLongTexts({
    releaseNotes,
    changelog,
  }: Pick<FirmwareChange, 'releaseNotes' | 'changelog'>): void {
    for (const [field, text] of Object.entries({ release_notes: releaseNotes, changelog })) {
      if (text == null || text.length <= this.config.maxTextLength) continue;
      const message = `${field} must be at most ${this.config.maxTextLength} characters long, not ${text.length}`;
      throw Invalid.field(field, text, message);
    }
  }

  private async refuseClash(tx: Transaction, build: NewFirmware, binary: ReceivedBinary): Promise<void> {
    const builds = await tx.em.findBy(Firmware, { version: build.version, platform: build.platform });
    const same = builds.find((row) => row.channel === build.channel);
    if (same) throw alreadyExists(same);
    this.refuseOtherThanSent(tx, build, binary);
    const other = builds.find((row) => row.sha256 !== binary.sha256);
    if (other) {
      throw new Conflict(
        `A version names one binary: ${build.version} is in channel ${other.channel} with SHA-256 ${other.sha256}, ` +
          `and the file has ${binary.sha256}; upload the same file, or give it a version of its own`,
      );
    }
  }

  /** A version that printers were sent names the same bytes for ever, deleted or not. */
  private refuseOtherThanSent(tx: Transaction, build: NewFirmware, binary: ReceivedBinary): void {
    const { version, platform } = build;
    const other = tx.db.get(SENT_WITH_OTHER_BYTES, version, platform, binary.sha256);
    if (other === undefined) return;
    const board = platform === '' ? '' : ` for ${platform}`;
    const printers = Number(other.printers);
    throw new Conflict(
      `Firmware ${version}${board} was sent to ${printers} ${printers === 1 ? 'printer' : 'printers'} with other bytes; ` +
        `use a new version number (the bytes that were sent have SHA-256 ${other.sha256}, and the file has ${binary.sha256})`,
    );
  }

  private async insert(
    tx: Transaction,
    build: NewFirmware,
    binary: ReceivedBinary,
    verified: VerifiedSignature | null,
  ): Promise<Firmware> {
    this.signingKeys.confirm(tx, verified);
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

  private async removeUnused(hashes: readonly string[]): Promise<void> {
    for (const sha256 of hashes) {
      // Not in a transaction, which may be what has just failed; every row that `files` let in is committed by now.
      const used = this.table.find(this.database.reader, 'WHERE sha256 = ? LIMIT 1', sha256);
      if (used === null) await this.storage.remove(sha256);
    }
  }
}
