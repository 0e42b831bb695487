import { Injectable } from '@nestjs/common';
import { versionKey } from '../../common/version.js';
import type { Firmware } from '../../firmware/firmware.entity.js';
import { FirmwareService } from '../../firmware/firmware.service.js';
import { ImageCheck } from '../../firmware/binaries/image-check.js';
import { planRollback } from '../rules/rollback-plan.js';
import type { AffectedPrinters, RollbackGroup, RollbackTo } from '../rules/rollback-plan.js';
import { openRollback } from './rollout-draft.js';
import { chosenRows } from '../store/rollout-rules.js';
import type { Sql } from '../../database/sql.js';

/** Every reason why printers cannot be moved back to a version. */
export const MISSING_REASONS = {
  no_older_version:
    'It is not known what the printers ran before, and there is no older version to go back to.',
  no_firmware: 'There is no firmware of this version.',
  no_build_for_platform: 'The version has no build for the board of these printers.',
  deprecated: 'The build is deprecated, and not offered to printers.',
  unsigned: 'The build has no signature, and signing keys are registered.',
  image_damaged: 'The binary is missing or damaged on the disk of the server.',
  rolled_back: 'The version is being rolled back itself.',
} as const;
export type MissingReason = keyof typeof MISSING_REASONS;

/** Why printers cannot be moved back, in words that also hold if there are none. */
export function describeMissing({ reason, printers }: MissingBuild): string {
  return reason === 'no_older_version' && printers === 0
    ? 'No printer runs the version, and there is no older version to go back to.'
    : MISSING_REASONS[reason];
}

/** An older binary that a rollback needs and that is not available. */
export interface MissingBuild {
  /** Null if there is no version to go back to. */
  version: string | null;
  /** The board; null if the printers did not name theirs, or if every board is affected. */
  platform: string | null;
  reason: MissingReason;
  printers: number;
}

/** What a rollback would do, and which binaries it lacks. */
export interface RollbackPlan {
  groups: RollbackGroup[];
  missing: MissingBuild[];
}

/** Plans rollbacks, and checks that every older binary is available. */
@Injectable()
export class RollbackCheck {
  constructor(
    private readonly firmware: FirmwareService,
    private readonly images: ImageCheck,
  ) {}

  /** Plans the rollback of a version. */
  async plan(
    sql: Sql,
    bad: string,
    to: RollbackTo,
    affected: readonly AffectedPrinters[],
  ): Promise<RollbackPlan> {
    const groups = planRollback(bad, to, affected, await this.highestBelow(sql, bad));
    if (groups.length > 0) {
      const missing: MissingBuild[] = [];
      for (const group of groups) missing.push(...(await this.missingFor(sql, group)));
      return { groups, missing };
    }
    const printers = affected.reduce((sum, one) => sum + one.printers, 0);
    return { groups, missing: [{ version: null, platform: null, reason: 'no_older_version', printers }] };
  }

  /** Reads the binaries that a plan needs, so that damage since the last check is known. Do not call it in a transaction. */
  async look(sql: Sql, { groups }: RollbackPlan): Promise<void> {
    const builds: Firmware[] = [];
    for (const group of groups)
      for (const { row } of await this.buildsFor(sql, group)) if (row !== undefined) builds.push(row);
    await this.images.verifyAll(builds);
  }

  private async missingFor(sql: Sql, group: RollbackGroup): Promise<MissingBuild[]> {
    const { version } = group;
    const all = group.printers + group.underWay;
    const builds = await this.buildsFor(sql, group);
    if (builds.length === 0) return [{ version, platform: null, reason: 'no_firmware', printers: all }];
    if ((await openRollback(sql, version)).length > 0)
      return [{ version, platform: null, reason: 'rolled_back', printers: all }];
    const missing: MissingBuild[] = [];
    for (const { platform, row, printers } of builds) {
      const reason = row === undefined ? 'no_build_for_platform' : await this.faultOf(sql, row);
      if (reason !== null) missing.push({ version, platform, reason, printers });
    }
    return missing;
  }

  private async faultOf(sql: Sql, row: Firmware): Promise<MissingReason | null> {
    if (row.deprecatedAt !== null) return 'deprecated';
    if (await this.firmware.lacksSignature(sql, row)) return 'unsigned';
    return this.images.isDamaged(row) ? 'image_damaged' : null;
  }

  /** The build for each platform of a group; every build if the group has no printers. Empty if there is no firmware. */
  private async buildsFor(
    sql: Sql,
    { version, platforms }: RollbackGroup,
  ): Promise<Array<{ platform: string | null; row: Firmware | undefined; printers: number }>> {
    const rows = chosenRows((await this.firmware.ofVersions(sql, [version])).get(version) ?? [], null);
    if (rows.length === 0) return [];
    if (platforms.size === 0)
      return rows.map((row) => ({ platform: row.platform || null, row, printers: 0 }));
    const byPlatform = new Map(rows.map((row) => [row.platform, row]));
    return [...platforms].map(([platform, printers]) => ({
      platform,
      row: byPlatform.get(platform ?? '') ?? byPlatform.get(''),
      printers,
    }));
  }

  private async highestBelow(sql: Sql, bad: string): Promise<string | null> {
    return (await this.firmware.highestBelow(sql, versionKey(bad)))?.version ?? null;
  }
}
