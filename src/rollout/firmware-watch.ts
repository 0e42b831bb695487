import { Injectable } from '@nestjs/common';
import { Conflict } from '../common/errors.js';
import { Clock } from '../common/clock.js';
import { sqlInstant } from '../database/table.js';
import { UnitOfWork } from '../database/unit-of-work.js';
import type { Transaction } from '../database/transaction.js';
import type { FirmwareObserver } from '../firmware/firmware-observer.js';
import type { Firmware } from '../firmware/firmware.entity.js';
import { FirmwareService } from '../firmware/firmware.service.js';
import type { RolloutRule } from './domain/targeting.js';
import { PendingTargets } from './pending-targets.js';
import { RolloutRules } from './rollout-rules.js';

// Fine enough for a limit that is counted in minutes.
const RECORD_EVERY_MS = 30_000;
const MAX_RECORDED = 10_000;

const SIGN_OF_LIFE = `UPDATE printer_update SET last_sign_of_life = ?
  WHERE printer_id = ? AND status = 'in_progress' AND firmware_version = ?`;

/** What rollouts have to say when firmware is deleted, changed or downloaded. */
@Injectable()
export class FirmwareWatch implements FirmwareObserver {
  /** When downloads of a version by a printer were last recorded, by both. */
  private readonly recorded = new Map<string, number>();

  constructor(
    firmware: FirmwareService,
    private readonly unitOfWork: UnitOfWork,
    private readonly rules: RolloutRules,
    private readonly pending: PendingTargets,
    private readonly clock: Clock,
  ) {
    firmware.observe(this);
  }

  beforeDelete(tx: Transaction, rows: readonly Firmware[]): void {
    const ids = new Set(rows.map((row) => row.id));
    const { rules } = this.rules.current(tx);
    const using = rules
      .filter((rule) => rule.status !== 'completed' && uses(rule, ids))
      .sort((a, b) => a.id - b.id)
      .map((rule) => `rollout ${rule.id} (${rule.status})`);
    if (using.length === 0) return;
    throw new Conflict(`Firmware ${rows[0]?.version} is in use by ${using.join(', ')}`);
  }

  async changed(tx: Transaction, version: string): Promise<void> {
    this.rules.forget(tx);
    const { rules } = this.rules.current(tx);
    const concerned = rules.filter((rule) => rule.version === version);
    if (concerned.length === 0) return;
    this.rules.changed(tx);
    for (const { id } of concerned) await this.pending.recount(tx, id);
  }

  async downloadBegun(row: Firmware, printerId: number): Promise<void> {
    if (this.recordedJustNow(`${printerId} ${row.version}`)) return;
    await this.unitOfWork.collect((tx) =>
      tx.db.run(SIGN_OF_LIFE, sqlInstant(this.clock.now()), printerId, row.version),
    );
  }

  /** A board may download in hundreds of ranges of 4 KiB: recording each of them helps nobody. */
  private recordedJustNow(key: string): boolean {
    const now = this.clock.now().getTime();
    const last = this.recorded.get(key);
    if (last !== undefined && Math.abs(now - last) < RECORD_EVERY_MS) return true;
    if (this.recorded.size >= MAX_RECORDED) this.recorded.clear();
    this.recorded.set(key, now);
    return false;
  }
}

function uses(rule: RolloutRule, firmwareIds: ReadonlySet<number>): boolean {
  return [...rule.builds.values()].some((build) => firmwareIds.has(build.firmwareId));
}
