import { Injectable } from '@nestjs/common';
import { channelRank } from '../../common/channel.js';
import type { Channel } from '../../common/channel.js';
import { versionKey } from '../../common/version.js';
import { Database } from '../../database/database.js';
import type { Table } from '../../database/table.js';
import type { Transaction } from '../../database/transaction.js';
import type { Firmware } from '../../firmware/firmware.entity.js';
import { FirmwareService } from '../../firmware/firmware.service.js';
import { ImageCheck } from '../../firmware/binaries/image-check.js';
import type { CameFrom } from '../rules/rollback-plan.js';
import type { RolloutStatus } from '../rules/status.js';
import type { Build, RolloutRule } from '../rules/targeting.js';
import { Rollout } from './entities/rollout.entity.js';
import { RolloutEvents } from './rollout.events.js';
import { RuleSet } from './rule-set.js';
import { RolloutBuilds } from './rollout-builds.js';
import type { PinnedBytes } from './rollout-builds.js';
import { RolloutTargets } from './target-lists.js';
import type { TargetLists } from './target-lists.js';
import type { Sql } from '../../database/sql.js';

/** The part of a rule that never changes after its rollout was created, so the lists are parsed only once. */
type FixedPart = Omit<RolloutRule, 'status' | 'percentage' | 'builds'>;

/** The part of a rule that changes. */
type ChangingPart = Pick<Rollout, 'id' | 'status' | 'percentage'>;

const CHANGING = `SELECT id, status, rollout_percentage AS percentage FROM rollout WHERE status <> 'cancelled'`;
const NOTHING: PinnedBytes = new Map();

/** Caches the compiled rules. Code that changes a rollout or its firmware must report that within the same transaction. */
@Injectable()
export class RolloutRules {
  private readonly table: Table<Rollout>;
  private readonly fixed = new Map<number, FixedPart>();
  /** The rules as the open transaction, or the next one, sees them. */
  private inTransaction: RuleSet | null = null;
  /** The committed rules. */
  private committed: Promise<RuleSet> | null = null;
  private revision = 0;

  constructor(
    private readonly database: Database,
    private readonly firmware: FirmwareService,
    private readonly builds: RolloutBuilds,
    private readonly images: ImageCheck,
    private readonly targets: RolloutTargets,
    private readonly events: RolloutEvents,
  ) {
    this.table = database.table(Rollout);
  }

  /** The rules as this transaction sees them. */
  async current(tx: Transaction): Promise<RuleSet> {
    if (this.inTransaction !== null) return this.inTransaction;
    const { revision } = this;
    const rules = await this.asOf(tx.sql);
    // Otherwise an image has changed while they were read.
    if (revision === this.revision) this.inTransaction = rules;
    return rules;
  }

  /** The committed rules, for callers that only read. */
  forReading(): Promise<RuleSet> {
    if (this.committed !== null) return this.committed;
    const rules = this.database.read((sql) => this.asOf(sql));
    this.committed = rules;
    rules.catch(() => (this.committed === rules ? (this.committed = null) : null));
    return rules;
  }

  /** Call this after every change that may give printers an update, in the same transaction. */
  changed(tx: Transaction): void {
    this.forget(tx);
    tx.afterCommit(() => this.events.publish('all'));
  }

  /** Call this after every other change to a rollout or its firmware, in the same transaction. */
  forget(tx: Transaction): void {
    this.inTransaction = null;
    tx.afterRollback(() => this.reset());
    tx.afterCommit(() => (this.committed = null));
  }

  /** Call this when an image is found damaged, or intact again; no transaction reports that. */
  imagesChanged(): void {
    this.revision += 1;
    this.inTransaction = null;
    this.committed = null;
  }

  /** Call this when the server itself has changed a rollout's status. The rest of the cached rules is not read again. */
  statusChanged(tx: Transaction, rolloutId: number, status: RolloutStatus): void {
    const rule = this.inTransaction?.get(rolloutId);
    if (rule) rule.status = status;
    tx.afterRollback(() => this.reset());
    tx.afterCommit(() => (this.committed = null));
  }

  /** The rules as this connection sees them; read from the database each time. */
  async asOf(sql: Sql): Promise<RuleSet> {
    const rollouts = (await sql.rows(CHANGING)) as unknown as ChangingPart[];
    const parts: Array<[FixedPart, ChangingPart]> = [];
    for (const rollout of rollouts) parts.push([await this.fixedPart(sql, rollout.id), rollout]);
    this.forgetOthers(rollouts);
    const rows = await this.firmware.ofVersions(
      sql,
      parts.map(([fixed]) => fixed.version),
    );
    const pinned = await this.builds.all(sql);
    const cancellations = await sql.rows(
      'SELECT rollout_id AS "rolloutId", newest_rollout_id AS newest FROM rollout_cancellation',
    );
    return new RuleSet(
      parts.map(([fixed, changing]) => {
        const { version, channels } = fixed;
        const chosen = chosenBuilds(rows.get(version) ?? [], channels, pinned.get(fixed.id));
        return compile(fixed, changing, chosen, this.images);
      }),
      new Map(cancellations.map(({ rolloutId, newest }) => [Number(rolloutId), Number(newest)])),
    );
  }

  /**
   * A transaction that was rolled back may have cached rows that do not exist, and its row numbers are used again. One whose commit has
   * failed may nevertheless be on disk.
   */
  private reset(): void {
    this.inTransaction = null;
    this.committed = null;
    this.fixed.clear();
  }

  /** Drops cancelled and deleted rollouts from memory; each may list ten thousand printers. */
  private forgetOthers(rollouts: readonly ChangingPart[]): void {
    if (this.fixed.size === rollouts.length) return;
    const kept = new Set(rollouts.map(({ id }) => id));
    for (const id of this.fixed.keys()) if (!kept.has(id)) this.fixed.delete(id);
  }

  private async fixedPart(sql: Sql, id: number): Promise<FixedPart> {
    let part = this.fixed.get(id);
    if (part === undefined) {
      const rollout = await this.table.find(sql, 'WHERE id = ?', id);
      if (rollout === null) throw new Error(`Rollout ${id} disappeared while it was read`);
      part = toFixedPart(rollout, await this.targets.of(sql, id));
      this.fixed.set(id, part);
    }
    return part;
  }
}

/**
 * Compiles a rollout into a rule.
 *
 * @param lists the printers or users that it lists
 * @param rows all rows of its version, in the order of `compareRows`
 * @param pinned the bytes that it sends
 * @param images tells which images are damaged on disk
 */
export function toRule(
  rollout: Rollout,
  lists: TargetLists,
  rows: readonly Firmware[],
  pinned: PinnedBytes,
  images: Pick<ImageCheck, 'isDamaged'>,
): RolloutRule {
  const fixed = toFixedPart(rollout, lists);
  return compile(fixed, rollout, chosenBuilds(rows, fixed.channels, pinned), images);
}

function toFixedPart(rollout: Rollout, lists: TargetLists): FixedPart {
  return {
    id: rollout.id,
    version: rollout.version,
    versionKey: rollout.versionKey,
    allowDowngrade: rollout.allowDowngrade,
    userIds: idSet(lists.userIds),
    printerUuids: idSet(lists.printerIds),
    channels: idSet<Channel>(rollout.targetChannels),
    minKey: rollout.minVersion === null ? null : versionKey(rollout.minVersion),
    maxKey: rollout.maxVersion === null ? null : versionKey(rollout.maxVersion),
    takesBack:
      rollout.rollbackId === null || rollout.minVersion === null ? null : versionKey(rollout.minVersion),
    cameFrom: readCameFrom(rollout.cameFrom),
  };
}

/** Reads the stored text of a rollout. */
export function readCameFrom(stored: string | null): CameFrom | null {
  return stored === null ? null : (JSON.parse(stored) as CameFrom);
}

function compile(
  fixed: FixedPart,
  changing: ChangingPart,
  rows: readonly Firmware[],
  images: Pick<ImageCheck, 'isDamaged'>,
): RolloutRule {
  return {
    ...fixed,
    status: changing.status,
    percentage: changing.percentage,
    builds: new Map(rows.map((row) => [row.platform, toBuild(row, images.isDamaged(row))])),
  };
}

/**
 * The rows that a rollout sends: those that `chosenRows` picks among the rows with the bytes the rollout was created for. It sends no other
 * bytes, whatever is uploaded under its version later.
 *
 * @param rows rows of its version, in the order of `compareRows`
 */
export function chosenBuilds(
  rows: readonly Firmware[],
  channels: ReadonlySet<Channel> | null,
  pinned: PinnedBytes = NOTHING,
): Firmware[] {
  return chosenRows(
    rows.filter(({ platform, sha256 }) => pinned.get(platform) === sha256),
    channels,
  );
}

/**
 * For each platform, the row in the most stable of the target's channels that has the version, else the most stable row (decisions,
 * "Firmware").
 *
 * @param rows all rows of one version, in the order of `compareRows`
 */
export function chosenRows(rows: readonly Firmware[], channels: ReadonlySet<Channel> | null): Firmware[] {
  const chosen = new Map<string, Firmware>();
  const preferred = channels ? rows.filter((row) => channels.has(row.channel)) : [];
  for (const row of [...preferred, ...rows]) {
    if (!chosen.has(row.platform)) chosen.set(row.platform, row);
  }
  return [...chosen.values()].sort((a, b) => (a.platform < b.platform ? -1 : 1));
}

function toBuild(row: Firmware, damaged: boolean): Build {
  return {
    firmwareId: row.id,
    platform: row.platform,
    md5: row.md5,
    sha256: row.sha256,
    signature: row.signature,
    minUpgradeKey: row.minUpgradeVersion === null ? null : versionKey(row.minUpgradeVersion),
    mandatory: row.mandatory,
    deprecated: row.deprecatedAt !== null,
    damaged,
    downloadPath: downloadPath(row),
  };
}

// Number of hexadecimal digits: enough to tell the builds of a version apart, and short for a board's memory.
const DIGEST_IN_PATH = 16;

/**
 * The download path of exactly this binary, whatever is uploaded or deleted later. A look-up without the digest takes any existing build:
 * the most stable channel first, and the build for every board first.
 */
function downloadPath(row: Firmware): string {
  const query = new URLSearchParams();
  if (channelRank(row.channel) > 0) query.set('channel', row.channel);
  if (row.platform !== '') query.set('platform', row.platform);
  query.set('sha256', row.sha256.slice(0, DIGEST_IN_PATH));
  return `/api/firmware/download/${row.version}?${query.toString()}`;
}

function idSet<T extends string = string>(json: string | null): ReadonlySet<T> | null {
  return json === null ? null : new Set(JSON.parse(json) as T[]);
}
