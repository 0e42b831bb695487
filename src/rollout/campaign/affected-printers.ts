import { Injectable } from '@nestjs/common';
import { versionKey } from '../../common/version.js';
import { PrinterCounts } from '../../printer/counts/printer-counts.js';
import { Presence } from '../../printer/presence.js';
import type { AffectedPrinters } from '../rules/rollback-plan.js';
import { FleetWalk } from '../store/fleet-walk.js';
import { AboutToRun } from './about-to-run.js';
import { OptedOutPrinters } from './opted-out.js';
import type { Destination } from './opted-out.js';
import type { Sql } from '../../database/sql.js';

/** Numbers of printers that run a version, or are about to. */
export interface RunningPrinters {
  printers: number;
  online: number;
  /** How many more are about to run it: their update to it is in progress, or they have reported it and have not reconnected yet. */
  underWay: number;
}

/** Finds the printers that run a version, and those that are about to. */
@Injectable()
export class AffectedFleet {
  constructor(
    private readonly printerCounts: PrinterCounts,
    private readonly walk: FleetWalk,
    private readonly presence: Presence,
    private readonly aboutToRun: AboutToRun,
    private readonly optedOutPrinters: OptedOutPrinters,
  ) {}

  /** All affected printers, grouped by platform and by the version they ran before. Call it with a snapshot or in a transaction. */
  async of(sql: Sql, version: string): Promise<AffectedPrinters[]> {
    const key = versionKey(version);
    const found = new Map<string, AffectedPrinters>();
    const groupOf = (
      previousVersion: string | null,
      platform: string | null,
      underWay: boolean,
    ): AffectedPrinters => {
      const name = `${previousVersion} ${platform} ${underWay}`;
      const group = found.get(name) ?? { previousVersion, platform, underWay, printers: 0, online: 0 };
      found.set(name, group);
      return group;
    };
    const online = this.presence.ids();
    for (const { previousVersion, platform, printers } of await this.printerCounts.kindsRunning(sql, key))
      groupOf(previousVersion || null, platform || null, false).printers += printers;
    for await (const printers of this.walk.withIds(sql, online))
      for (const printer of printers)
        if (printer.versionKey === key && !printer.blocked)
          groupOf(printer.previousVersion, printer.platform, false).online += 1;
    for await (const printers of this.aboutToRun.of(sql, version))
      for (const { firmwareVersion, platform } of printers)
        groupOf(firmwareVersion, platform, true).printers += 1;
    return [...found.values()];
  }

  /** How many printers that run a version decline each destination, because their automatic updates are off. */
  optedOut(sql: Sql, version: string, destinations: readonly Destination[]): Promise<number[]> {
    return this.optedOutPrinters.count(sql, version, destinations);
  }

  /** How many printers are affected. */
  async count(sql: Sql, version: string): Promise<RunningPrinters> {
    return runningOf(await this.of(sql, version));
  }
}

/** Adds up the affected printers. */
export function runningOf(affected: readonly AffectedPrinters[]): RunningPrinters {
  const sum: RunningPrinters = { printers: 0, online: 0, underWay: 0 };
  for (const { printers, online, underWay } of affected) {
    if (underWay) sum.underWay += printers;
    else {
      sum.printers += printers;
      sum.online += online;
    }
  }
  return sum;
}
