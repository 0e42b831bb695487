import { Injectable } from '@nestjs/common';
import { AuditLog } from '../audit/audit-log.js';
import type { Action, AuditedState } from '../audit/audit-log.js';
import { channelRank } from '../common/channel.js';
import { ConflictError, NotFoundError } from '../common/errors.js';
import { Changes } from '../database/changes.js';
import { Database } from '../database/database.js';
import type { Table } from '../database/table.js';
import type { Transaction } from '../database/transaction.js';
import type { FirmwareSelector } from './firmware-input.js';
import type { FirmwareObserver } from './firmware-observer.js';
import { Firmware } from './firmware.entity.js';
import type { Sql } from '../database/sql.js';

/** The rows of firmware: finds them by selectors, and changes them with the consent of all features that depend on them. */
@Injectable()
export class FirmwareRows {
  /** The features that depend on firmware. */
  readonly observers: FirmwareObserver[] = [];
  private readonly changeListeners: Array<() => void> = [];
  private readonly table: Table<Firmware>;

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly changes: Changes,
  ) {
    this.table = database.table(Firmware);
  }

  /** Calls back after every commit that has added, changed or deleted rows; the counts of a build do not count as changes. */
  onChange(listener: () => void): void {
    this.changeListeners.push(listener);
  }

  /**
   * The first row that a selector matches: the most stable channel first, and in it the build for every board. If no row matches a selector
   * with a digest, another row of the version with these bytes: the one that the selector was made from may have been deleted since.
   *
   * @throws NotFoundError if there is none
   */
  async get(selector: FirmwareSelector): Promise<Firmware> {
    const sql = this.database.committed;
    const [row] = await this.select(sql, selector);
    if (row !== undefined || selector.sha256 === undefined) return found(row, selector);
    const { version, sha256 } = selector;
    return found((await this.select(sql, { version, sha256 }))[0], selector);
  }

  /**
   * Every row that a selector matches, in the order of `compareRows`.
   *
   * @throws NotFoundError if there is none
   */
  async named(sql: Sql, selector: FirmwareSelector): Promise<[Firmware, ...Firmware[]]> {
    const [first, ...others] = await this.select(sql, selector);
    return [found(first, selector), ...others];
  }

  /** Every row, the highest version first. */
  async all(): Promise<Firmware[]> {
    return this.table.select(this.database.committed, 'ORDER BY version_key DESC, id');
  }

  /** True if a row has a binary, by its SHA-256. */
  async isNamed(sha256: string): Promise<boolean> {
    return (await this.table.find(this.database.committed, 'WHERE sha256 = ?', sha256)) !== null;
  }

  /** The rows that a selector matches, in the order of `compareRows`. */
  private async select(
    sql: Sql,
    { version, channel, platform, sha256 = '' }: FirmwareSelector,
  ): Promise<Firmware[]> {
    const rows = await this.table.select(
      sql,
      'WHERE version = ? AND channel = coalesce(?, channel) AND platform = coalesce(?, platform)',
      version,
      channel ?? null,
      platform ?? null,
    );
    return rows.filter((row) => row.sha256.startsWith(sha256)).sort(compareRows);
  }

  /** Notifies the observers that a printer has started a download, or that its bytes flow. */
  async downloadProgressed(row: Firmware, printerId: number): Promise<void> {
    for (const observer of this.observers) await observer.downloadProgressed(row, printerId);
  }

  /** Adds a row. Call `changed` afterwards, once for all rows of a version. */
  async insert(tx: Transaction, row: Omit<Firmware, 'id'>, action: Action): Promise<Firmware> {
    const inserted = { ...row, id: await this.table.insert(tx.sql, row) };
    await this.record(tx, action, null, inserted);
    return inserted;
  }

  /** Records a change to a row in the audit log. */
  async record(
    tx: Transaction,
    action: Action,
    before: Firmware | null,
    after: Firmware | null,
  ): Promise<void> {
    const version = (before ?? after)?.version;
    await this.audit.record(tx, {
      action,
      subject: `firmware/${version}`,
      before: before && toState(before),
      after: after && toState(after),
    });
  }

  /** Records in the audit log that the damaged binary of a row has been replaced by an intact one. */
  async recordMended(tx: Transaction, row: Firmware): Promise<void> {
    const state = { id: row.id, channel: row.channel, platform: toState(row).platform };
    await this.audit.record(tx, {
      action: 'firmware.mend',
      subject: `firmware/${row.version}`,
      before: { ...state, damaged: true },
      after: { ...state, damaged: false },
    });
  }

  /** Call it after rows of a version were added, changed or deleted, in the same transaction. */
  async changed(tx: Transaction, version: string): Promise<void> {
    this.changes.firmwareIn(tx);
    for (const listener of this.changeListeners) tx.afterCommit(listener);
    for (const observer of this.observers) await observer.changed(tx, version);
  }
}

function found(row: Firmware | undefined, { version, channel, platform }: FirmwareSelector): Firmware {
  if (row !== undefined) return row;
  const where = channel === undefined ? '' : ` in ${channel}`;
  const board = platform === undefined ? '' : platform === '' ? ' for every board' : ` for ${platform}`;
  throw new NotFoundError(`Firmware version not found: ${version}${where}${board}`);
}

function toState(row: Firmware): AuditedState {
  return {
    id: row.id,
    channel: row.channel,
    platform: row.platform === '' ? null : row.platform,
    file_size: row.fileSize,
    sha256_checksum: row.sha256,
    release_notes: row.releaseNotes,
    changelog: row.changelog,
    mandatory: row.mandatory,
    min_upgrade_version: row.minUpgradeVersion,
    deprecated_at: row.deprecatedAt,
    signature: row.signature,
    signing_key_fingerprint: row.signingKeyFingerprint,
  };
}

/** Orders rows by channel, the most stable first; within it the build for every board, then by platform. */
export function compareRows(a: Firmware, b: Firmware): number {
  return channelRank(a.channel) - channelRank(b.channel) || compareText(a.platform, b.platform);
}

/** Compares texts by their UTF-16 units. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The error for a second build of the same version, channel and platform. */
export function alreadyExists(row: Firmware): ConflictError {
  return new ConflictError(`Firmware version already exists: ${nameOf(row)}`);
}

/** Describes a row for messages. */
export function describe(row: Firmware): string {
  return `firmware ${nameOf(row)}`;
}

function nameOf(row: Firmware): string {
  const platform = row.platform === '' ? 'every board' : row.platform;
  return `${row.version} in ${row.channel} for ${platform}`;
}
