import { Injectable } from '@nestjs/common';
import { Conflict } from '../common/errors.js';
import { Clock } from '../common/clock.js';
import { UnitOfWork } from '../database/unit-of-work.js';
import type { Transaction } from '../database/unit-of-work.js';
import type { FirmwareObserver } from '../firmware/firmware-observer.js';
import type { Firmware } from '../firmware/firmware.entity.js';
import { FirmwareService } from '../firmware/firmware.service.js';
import { Printer } from '../printer/printer.entity.js';
import type { RolloutRule } from './domain/targeting.js';
import { RolloutProgress } from './rollout-progress.js';
import { RolloutRules } from './rollout-rules.js';
import { PrinterUpdate } from './update.entity.js';

// Fine enough for a limit that is counted in minutes.
const RECORD_EVERY_MS = 30_000;
const MAX_RECORDED = 10_000;

/** What rollouts have to say when firmware is deleted, changed or downloaded. */
@Injectable()
export class FirmwareWatch implements FirmwareObserver {
  /** When downloads of a version from an address were last recorded, by both. */
  private readonly recorded = new Map<string, number>();

  constructor(
    firmware: FirmwareService,
    private readonly unitOfWork: UnitOfWork,
    private readonly rules: RolloutRules,
    private readonly progress: RolloutProgress,
    private readonly clock: Clock,
  ) {
    firmware.observe(this);
  }

  async beforeDelete(tx: Transaction, rows: readonly Firmware[]): Promise<void> {
    const ids = new Set(rows.map((row) => row.id));
    const { rules } = await this.rules.current(tx);
    const using = rules
      .filter((rule) => rule.status !== 'completed' && uses(rule, ids))
      .sort((a, b) => a.id - b.id)
      .map((rule) => `rollout ${rule.id} (${rule.status})`);
    if (using.length === 0) return;
    throw new Conflict(`Firmware ${rows[0]?.version} is in use by ${using.join(', ')}`);
  }

  async changed(tx: Transaction, version: string): Promise<void> {
    this.rules.forget();
    const { rules } = await this.rules.current(tx);
    const concerned = rules.filter((rule) => rule.version === version);
    if (concerned.length === 0) return;
    this.rules.changed(tx);
    await this.progress.settle(
      tx,
      concerned.map((rule) => rule.id),
    );
  }

  async downloadBegun(row: Firmware, address: string): Promise<void> {
    if (this.recordedJustNow(`${address} ${row.version}`)) return;
    // A download says which firmware it is for, but not which printer: it counts as a sign of life for the printers
    // at that address that are being updated to it.
    await this.unitOfWork.run(async ({ em }) => {
      const printers = em
        .createQueryBuilder(Printer, 'p')
        .select('p.id')
        .where('p.lastIp = :address', { address });
      await em
        .createQueryBuilder()
        .update(PrinterUpdate)
        .set({ lastSignOfLife: this.clock.now() })
        .where(`status = 'in_progress' AND version = :version`, { version: row.version })
        .andWhere(`printerId IN (${printers.getQuery()})`)
        .setParameters(printers.getParameters())
        .execute();
    });
  }

  /** A whole fleet may download from behind one address, in ranges of 4 KiB: recording all of it anew each time helps nobody. */
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
