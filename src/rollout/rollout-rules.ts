import { Injectable } from '@nestjs/common';
import { Not } from 'typeorm';
import { channelRank } from '../common/channel.js';
import type { Channel } from '../common/channel.js';
import { versionKey } from '../common/version.js';
import { UnitOfWork } from '../database/unit-of-work.js';
import type { Transaction } from '../database/unit-of-work.js';
import type { Firmware } from '../firmware/firmware.entity.js';
import { FirmwareService } from '../firmware/firmware.service.js';
import type { Printer } from '../printer/printer.entity.js';
import { compareRules } from './domain/decide.js';
import type { Build, PrinterFacts, RolloutRule } from './domain/targeting.js';
import { Rollout } from './rollout.entity.js';
import { RolloutEvents } from './rollout.events.js';
import { Withdrawal } from './withdrawal.entity.js';

/** The rollouts that are not cancelled, ready for decisions. */
export class RuleSet {
  /** In the order in which they get their turn. */
  readonly rules: readonly RolloutRule[];
  private readonly byId: ReadonlyMap<number, RolloutRule>;

  /** @param withdrawals for each cancelled rollout the newest one that there was at that moment */
  constructor(
    rules: RolloutRule[],
    private readonly withdrawals: ReadonlyMap<number, number>,
  ) {
    this.rules = rules.sort(compareRules);
    this.byId = new Map(rules.map((rule) => [rule.id, rule]));
  }

  /** The rule of a rollout; undefined where it is cancelled or deleted. */
  get(rolloutId: number | null): RolloutRule | undefined {
    return rolloutId === null ? undefined : this.byId.get(rolloutId);
  }

  /** True where some rollout may send something now. */
  get canSend(): boolean {
    return this.rules.some((rule) => rule.status === 'active' || rule.status === 'completed');
  }

  /** What a decision needs to know of a printer. */
  factsOf(printer: Printer): PrinterFacts {
    return {
      uuid: printer.uuid,
      userId: printer.userId,
      platform: printer.platform,
      channel: printer.updateChannel,
      versionKey: printer.versionKey,
      autoUpdate: printer.autoUpdate,
      withdrawnAt:
        printer.versionRolloutId === null ? null : (this.withdrawals.get(printer.versionRolloutId) ?? null),
    };
  }
}

/** Keeps the rules in memory; whoever changes a rollout or its firmware says so within the same transaction. */
@Injectable()
export class RolloutRules {
  private cached: RuleSet | null = null;

  constructor(
    unitOfWork: UnitOfWork,
    private readonly firmware: FirmwareService,
    private readonly events: RolloutEvents,
  ) {
    // What was read inside a transaction that failed never was.
    unitOfWork.onRollback(() => this.forget());
  }

  /** The rules as this transaction sees them. */
  async current(tx: Transaction): Promise<RuleSet> {
    this.cached ??= await this.load(tx);
    return this.cached;
  }

  /** To be called after every change that may give printers something, in the same transaction. */
  changed(tx: Transaction): void {
    this.forget();
    tx.afterCommit(() => this.events.publish('all'));
  }

  /** To be called after every other change to a rollout or its firmware, in the same transaction. */
  forget(): void {
    this.cached = null;
  }

  private async load(tx: Transaction): Promise<RuleSet> {
    const rollouts = await tx.em.findBy(Rollout, { status: Not('cancelled') });
    const rows = await this.firmware.ofVersions(
      tx,
      rollouts.map((rollout) => rollout.version),
    );
    const withdrawals = await tx.em.find(Withdrawal);
    return new RuleSet(
      rollouts.map((rollout) => toRule(rollout, rows.get(rollout.version) ?? [])),
      new Map(withdrawals.map(({ rolloutId, newestRolloutId }) => [rolloutId, newestRolloutId])),
    );
  }
}

/**
 * Compiles a rollout.
 *
 * @param rows all rows of its version, in the order of `compareRows`
 */
export function toRule(rollout: Rollout, rows: readonly Firmware[]): RolloutRule {
  const channels = idSet<Channel>(rollout.targetChannels);
  // Once its firmware is deleted, a rollout sends nothing: what is uploaded under the same version later may be another
  // binary, which nobody has chosen for these printers.
  const available = rollout.firmwareId === null ? [] : rows;
  return {
    id: rollout.id,
    version: rollout.version,
    versionKey: rollout.versionKey,
    status: rollout.status,
    percentage: rollout.percentage,
    allowDowngrade: rollout.allowDowngrade,
    userIds: idSet(rollout.targetUserIds),
    printerUuids: idSet(rollout.targetPrinterIds),
    channels,
    minKey: rollout.minVersion === null ? null : versionKey(rollout.minVersion),
    maxKey: rollout.maxVersion === null ? null : versionKey(rollout.maxVersion),
    builds: new Map(chosenRows(available, channels).map((row) => [row.platform, toBuild(row)])),
  };
}

/**
 * For each platform the row in the most stable of the target's channels that has the version, else the most stable row
 * (decisions, "Firmware").
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

function toBuild(row: Firmware): Build {
  return {
    firmwareId: row.id,
    platform: row.platform,
    md5: row.md5,
    minUpgradeKey: row.minUpgradeVersion === null ? null : versionKey(row.minUpgradeVersion),
    mandatory: row.mandatory,
    deprecated: row.deprecatedAt !== null,
    downloadPath: downloadPath(row),
  };
}

/**
 * The path that leads to this binary, whatever is uploaded later: a look-up prefers the most stable channel, and in it the
 * build for every board.
 */
function downloadPath(row: Firmware): string {
  const query = new URLSearchParams();
  if (channelRank(row.channel) > 0) query.set('channel', row.channel);
  if (row.platform !== '') query.set('platform', row.platform);
  const suffix = query.size > 0 ? `?${query.toString()}` : '';
  return `/api/firmware/download/${row.version}${suffix}`;
}

function idSet<T extends string = string>(json: string | null): ReadonlySet<T> | null {
  return json === null ? null : new Set(JSON.parse(json) as T[]);
}
