import { Injectable, Logger } from '@nestjs/common';
import type { Channel } from '../common/channel.js';
import { Clock } from '../common/clock.js';
import { ConflictError, NotFoundError } from '../common/errors.js';
import { Database } from '../database/database.js';
import type { Table } from '../database/table.js';
import type { Transaction } from '../database/transaction.js';
import { SigningKeys } from '../signing/signing-keys.js';
import type { VerifiedSignature } from '../signing/signing-keys.js';
import { SharedBinaries } from './binaries/shared-binaries.js';
import type { FirmwareChange, FirmwareSelector } from './firmware-input.js';
import type { FirmwareObserver } from './firmware-observer.js';
import { FirmwareRows, compareRows, compareText, describe } from './firmware-rows.js';
import { FirmwareStorage } from './binaries/firmware-storage.js';
import { Firmware } from './firmware.entity.js';
import { UploadChecks } from './uploads/upload-checks.js';
import { IN_INTEGERS, IN_TEXTS, jsonList } from '../database/sql.js';
import type { Sql } from '../database/sql.js';

/** Firmware builds: the rows in the database together with the binaries on disk. */
@Injectable()
export class FirmwareService {
  private readonly logger = new Logger(FirmwareService.name);
  private readonly table: Table<Firmware>;

  constructor(
    private readonly database: Database,
    private readonly rows: FirmwareRows,
    private readonly storage: FirmwareStorage,
    private readonly binaries: SharedBinaries,
    private readonly checks: UploadChecks,
    private readonly signingKeys: SigningKeys,
    private readonly clock: Clock,
  ) {
    this.table = database.table(Firmware);
  }

  /** Registers a feature that depends on firmware. */
  observe(observer: FirmwareObserver): void {
    this.rows.observers.push(observer);
  }

  /** The highest version by precedence in a channel, without deprecated ones. */
  async latest(channel: Channel): Promise<Firmware> {
    const latest = await this.table.find(
      this.database.committed,
      'WHERE channel = ? AND deprecated_at IS NULL ORDER BY version_key DESC, platform',
      channel,
    );
    if (!latest) throw new NotFoundError(`No firmware in channel ${channel}`);
    return latest;
  }

  /** The first row that a selector matches: the most stable channel first, and in it the build for every board. */
  async get(selector: FirmwareSelector): Promise<Firmware> {
    return this.rows.get(selector);
  }

  /** All rows, the highest version first, then the most stable channel. */
  async list(channel?: Channel): Promise<Firmware[]> {
    const rows = await this.table.select(
      this.database.committed,
      'WHERE channel = coalesce(?, channel)',
      channel ?? null,
    );
    return rows.sort((a, b) => compareText(b.versionKey, a.versionKey) || compareRows(a, b));
  }

  /**
   * Changes every row that the selector matches.
   *
   * @returns the row that `get` returns for the same selector
   * @throws ValidationError for a signature that does not fit the binary of each row, or texts that are too long
   */
  async change(selector: FirmwareSelector, change: FirmwareChange): Promise<Firmware> {
    this.checks.refuseLongTexts(change);
    const { signature } = change;
    if (signature === undefined) return this.changeRows(selector, change, null);
    return this.binaries.exclusive(async () => {
      const rows = await this.rows.named(this.database.committed, selector);
      let verified = null;
      // While this runs, no upload can add a row to these binaries.
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
    return this.database.write(async (tx) => {
      const rows = await this.rows.named(tx.sql, selector);
      if (verified !== null) await this.signingKeys.confirm(tx, verified);
      for (const row of rows) {
        const deprecatedAt =
          deprecated === undefined
            ? row.deprecatedAt
            : deprecated
              ? (row.deprecatedAt ?? this.clock.now())
              : null;
        await this.table.update(tx.sql, row.id, { ...columns, deprecatedAt });
        await this.rows.record(tx, 'firmware.change', row, { ...row, ...columns, deprecatedAt });
      }
      await this.rows.changed(tx, selector.version);
      tx.afterCommit(() =>
        this.logger.log(`Changed firmware ${selector.version}: ${JSON.stringify(change)}`),
      );
      return (await this.rows.named(tx.sql, selector))[0];
    });
  }

  /**
   * Deletes every row that the selector matches, and the binary with its last row.
   *
   * @throws ConflictError if a rollout that is not cancelled could send one of the rows, and no other row takes its place
   */
  async remove(selector: FirmwareSelector): Promise<void> {
    await this.binaries.exclusive(async () => {
      const rows = await this.database.write(async (tx) => {
        const found = await this.rows.named(tx.sql, selector);
        const ids = found.map((row) => row.id);
        const remaining = (await this.rows.named(tx.sql, { version: selector.version })).filter(
          ({ id }) => !ids.includes(id),
        );
        for (const observer of this.rows.observers) await observer.beforeDelete(tx, found, remaining);
        await tx.sql.run(`DELETE FROM firmware WHERE id ${IN_INTEGERS}`, jsonList(ids));
        for (const row of found) await this.rows.record(tx, 'firmware.delete', row, null);
        await this.rows.changed(tx, selector.version);
        return found;
      });
      for (const row of rows) this.logger.log(`Deleted ${describe(row)}`);
      await this.binaries.removeUnused([...new Set(rows.map((row) => row.sha256))]);
    });
  }

  /**
   * Checks whether builds may be chosen for new rollouts.
   *
   * @throws ConflictError if a build has no signature although signing keys are registered
   */
  async requireSigned(sql: Sql, rows: readonly Firmware[]): Promise<void> {
    const unsigned = rows.find((row) => row.signature === null);
    if (unsigned === undefined || !(await this.signingKeys.areRegistered(sql))) return;
    throw new ConflictError(
      `A signature is missing: ${describe(unsigned)} has none, and signing keys are registered; ` +
        `give it one (PATCH /api/firmware/${unsigned.version})`,
    );
  }

  /** True if a build has no signature although signing keys are registered. */
  async lacksSignature(sql: Sql, row: Firmware): Promise<boolean> {
    return row.signature === null && (await this.signingKeys.areRegistered(sql));
  }

  /** The row of the highest non-deprecated version below a version; null if there is none. */
  async highestBelow(sql: Sql, key: string): Promise<Firmware | null> {
    return this.table.find(
      sql,
      'WHERE version_key < ? AND deprecated_at IS NULL ORDER BY version_key DESC',
      key,
    );
  }

  /** Deprecates every row of a version, within a transaction. */
  async deprecateIn(tx: Transaction, version: string): Promise<void> {
    const rows = (await this.ofVersions(tx.sql, [version])).get(version) ?? [];
    const deprecatedAt = this.clock.now();
    for (const row of rows.filter((one) => one.deprecatedAt === null)) {
      await this.table.update(tx.sql, row.id, { deprecatedAt });
      await this.rows.record(tx, 'firmware.change', row, { ...row, deprecatedAt });
    }
    await this.rows.changed(tx, version);
  }

  /** Every row of each of the versions, in the order of `compareRows`. */
  async ofVersions(sql: Sql, versions: readonly string[]): Promise<Map<string, Firmware[]>> {
    const wanted = jsonList(new Set(versions));
    const rows = await this.table.select(sql, `WHERE version ${IN_TEXTS}`, wanted);
    const byVersion = new Map<string, Firmware[]>();
    for (const row of rows.sort(compareRows)) {
      const same = byVersion.get(row.version);
      if (same) same.push(row);
      else byVersion.set(row.version, [row]);
    }
    return byVersion;
  }
}
