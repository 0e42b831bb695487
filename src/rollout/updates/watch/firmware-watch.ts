import { Injectable } from '@nestjs/common';
import { ConflictError } from '../../../common/errors.js';
import { Clock } from '../../../common/clock.js';
import type { Transaction } from '../../../database/transaction.js';
import type { FirmwareObserver } from '../../../firmware/firmware-observer.js';
import type { Firmware } from '../../../firmware/firmware.entity.js';
import { FirmwareService } from '../../../firmware/firmware.service.js';
import type { RolloutRule } from '../../rules/targeting.js';
import { PendingTargets } from '../pending-targets.js';
import { RolloutRules, chosenBuilds } from '../../store/rollout-rules.js';
import { BuildReplacement } from './build-replacement.js';
import { RolloutBuilds, newBuilds } from '../../store/rollout-builds.js';
import { Inbox } from '../inbox.js';

// Minimum milliseconds between two records; precise enough for a limit in minutes.
const RECORD_EVERY_MS = 30_000;
const MAX_RECORDED = 10_000;

/** What rollouts do when firmware is deleted, changed or downloaded. */
@Injectable()
export class FirmwareWatch implements FirmwareObserver {
  /** When a download was last recorded, by printer and version. */
  private readonly recorded = new Map<string, number>();

  constructor(
    private readonly firmware: FirmwareService,
    private readonly inbox: Inbox,
    private readonly rules: RolloutRules,
    private readonly builds: RolloutBuilds,
    private readonly replacement: BuildReplacement,
    private readonly pending: PendingTargets,
    private readonly clock: Clock,
  ) {
    firmware.observe(this);
  }

  /** A completed rollout counts, too: it still updates printers that connect later. */
  async beforeDelete(
    tx: Transaction,
    rows: readonly Firmware[],
    remaining: readonly Firmware[],
  ): Promise<void> {
    const concerned = await this.rulesOf(tx, rows[0]?.version);
    const losing = concerned.filter((rule) => losesBuild(rule, rows, remaining));
    if (losing.length > 0) {
      const using = losing.sort((a, b) => a.id - b.id).map((rule) => `rollout ${rule.id} (${rule.status})`);
      throw new ConflictError(`Firmware ${rows[0]?.version} is in use by ${using.join(', ')}`);
    }
    await this.replacement.replace(tx, rows, remaining, concerned);
  }

  async changed(tx: Transaction, version: string): Promise<void> {
    this.rules.forget(tx);
    const concerned = await this.rulesOf(tx, version);
    if (concerned.length === 0) return;
    const rows = (await this.firmware.ofVersions(tx.sql, [version])).get(version) ?? [];
    for (const { id } of concerned)
      await this.builds.pin(tx, id, newBuilds(await this.builds.of(tx.sql, id), rows));
    this.rules.changed(tx);
    for (const { id } of concerned) await this.pending.recount(tx, id);
  }

  async downloadProgressed(row: Firmware, printerId: number): Promise<void> {
    if (this.recordedJustNow(`${printerId} ${row.version}`)) return;
    await new Promise<void>((resolve, reject) => {
      this.inbox.submit({
        job: () => ({ kind: 'sign_of_life', printerId, version: row.version }),
        done: () => resolve(),
        failed: reject,
      });
    });
  }

  private async rulesOf(tx: Transaction, version: string | undefined): Promise<RolloutRule[]> {
    return (await this.rules.current(tx)).rules.filter((rule) => rule.version === version);
  }

  /** A board may download in hundreds of ranges of 4 KiB; one record for many of them is enough. */
  private recordedJustNow(key: string): boolean {
    const now = this.clock.uptime();
    const last = this.recorded.get(key);
    if (last !== undefined && now - last < RECORD_EVERY_MS) return true;
    if (this.recorded.size >= MAX_RECORDED) this.recorded.clear();
    this.recorded.set(key, now);
    return false;
  }
}

/** True if a rollout could send one of the rows, and no remaining row can replace it. */
function losesBuild(rule: RolloutRule, rows: readonly Firmware[], remaining: readonly Firmware[]): boolean {
  const lost = [...rule.builds.values()].filter(({ firmwareId }) => rows.some(({ id }) => id === firmwareId));
  if (lost.length === 0) return false;
  const pinned = new Map(lost.map(({ platform, sha256 }) => [platform, sha256]));
  const next = new Map(chosenBuilds(remaining, rule.channels, pinned).map((row) => [row.platform, row]));
  return lost.some((build) => {
    const row = next.get(build.platform);
    if (row === undefined) return true;
    // A row that is not offered, or that boards refuse because of its signature, would stop the rollout silently.
    return (
      (row.deprecatedAt !== null && !build.deprecated) || (row.signature === null && build.signature !== null)
    );
  });
}
