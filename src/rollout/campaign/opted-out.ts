import { Injectable } from '@nestjs/common';
import { versionKey } from '../../common/version.js';
import { FirmwareService } from '../../firmware/firmware.service.js';
import { cameFromMatches } from '../rules/rollback-plan.js';
import type { CameFrom } from '../rules/rollback-plan.js';
import { chosenRows } from '../store/rollout-rules.js';
import type { Sql } from '../../database/sql.js';

/** A version that printers are moved back to, and to which of them that applies. */
export interface Destination {
  version: string;
  cameFrom: CameFrom | null;
}

const OPTED_OUT = `SELECT platform, previous_version, count(*) FROM printer
  WHERE version_key = ? AND auto_update = false AND blocked = false GROUP BY platform, previous_version`;

/**
 * Counts the printers that a rollback does not move: auto_update is off, and the older build is not mandatory. A mandatory version reaches
 * such printers, so they may run the bad one.
 */
@Injectable()
export class OptedOutPrinters {
  constructor(private readonly firmware: FirmwareService) {}

  /**
   * How many printers that run a version decline each destination.
   *
   * @returns one number for each destination
   */
  async count(sql: Sql, bad: string, destinations: readonly Destination[]): Promise<number[]> {
    const groups = await sql.values(OPTED_OUT, versionKey(bad));
    const rows = await this.firmware.ofVersions(
      sql,
      destinations.map(({ version }) => version),
    );
    return destinations.map(({ version, cameFrom }) => {
      const builds = new Map(
        chosenRows(rows.get(version) ?? [], null).map(({ platform, mandatory }) => [platform, mandatory]),
      );
      return groups.reduce((sum, [platform, previous, printers]) => {
        const isMandatory = builds.get(String(platform ?? '')) ?? builds.get('');
        const ranBefore = previous === null || previous === undefined ? null : String(previous);
        const isNamed = cameFrom === null || cameFromMatches(cameFrom, ranBefore);
        return isNamed && isMandatory === false ? sum + Number(printers) : sum;
      }, 0);
    });
  }
}
