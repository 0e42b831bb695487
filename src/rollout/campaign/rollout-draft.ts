import { Injectable } from '@nestjs/common';
import type { Channel } from '../../common/channel.js';
import { Clock } from '../../common/clock.js';
import { ConflictError, NotFoundError } from '../../common/errors.js';
import { versionKey } from '../../common/version.js';
import { Database } from '../../database/database.js';
import type { Firmware } from '../../firmware/firmware.entity.js';
import { describe } from '../../firmware/firmware-rows.js';
import { FirmwareService } from '../../firmware/firmware.service.js';
import { ImageCheck } from '../../firmware/binaries/image-check.js';
import { chosenRows } from '../store/rollout-rules.js';
import type { CameFrom } from '../rules/rollback-plan.js';
import type { TargetLists } from '../store/target-lists.js';
import { NO_TARGETS } from '../store/entities/rollout-counters.js';
import type { Rollout, RolloutType } from '../store/entities/rollout.entity.js';
import type { Sql } from '../../database/sql.js';

/** Which printers a rollout targets: exactly one of the first three fields, or channels alone. Channels narrow each of the three. */
export interface RolloutTarget {
  all: boolean;
  userIds: string[] | null;
  printerIds: string[] | null;
  channels: Channel[] | null;
  minVersion: string | null;
  maxVersion: string | null;
}

/** A rollout that an operator requests; versions are canonical, UUIDs lower-case. */
export interface NewRollout {
  version: string;
  target: RolloutTarget;
  type: RolloutType;
  percentage: number;
  scheduledFor: Date | null;
  allowDowngrade: boolean;
  name: string | null;
  note: string | null;
}

/** What makes a rollout part of a rollback. */
export interface RollbackPart {
  rollbackId: number;
  cameFrom: CameFrom | null;
}

/** A rollout that may be created. */
export interface Draft {
  row: Omit<Rollout, 'id'>;
  lists: TargetLists;
  /** All builds of its version, in the order of `compareRows`. The builds that it sends are chosen from these. */
  firmware: Firmware[];
}

/** Validates a requested rollout and turns it into a draft, in the same way for creation and for a preview. */
@Injectable()
export class RolloutDrafts {
  constructor(
    private readonly database: Database,
    private readonly firmware: FirmwareService,
    private readonly images: ImageCheck,
    private readonly clock: Clock,
  ) {}

  /** Checks the binaries of a version on disk; `draft` then refuses those that are damaged. */
  async checkImages(version: string): Promise<void> {
    const sql = this.database.committed;
    await this.images.verifyAll((await this.firmware.ofVersions(sql, [version])).get(version) ?? []);
  }

  /**
   * Drafts a rollout. Nothing is counted yet.
   *
   * @param createdBy who requests it, as the audit log names them
   * @param part set if it is part of a rollback
   * @throws NotFoundError if no build has the version
   * @throws ConflictError if every build that it would send is deprecated, or one lacks a required signature or is damaged on disk, or the
   *   version is being rolled back
   */
  async draft(
    sql: Sql,
    wanted: NewRollout,
    createdBy: string,
    part: RollbackPart | null = null,
  ): Promise<Draft> {
    const rows = (await this.firmware.ofVersions(sql, [wanted.version])).get(wanted.version) ?? [];
    const { channels } = wanted.target;
    const chosen = chosenRows(rows, channels && new Set(channels));
    const [firmware] = chosen;
    if (!firmware) throw new NotFoundError(`Firmware version not found: ${wanted.version}`);
    if (chosen.every((row) => row.deprecatedAt !== null)) {
      throw new ConflictError(`Firmware ${wanted.version} is deprecated, and not offered to printers`);
    }
    await this.firmware.requireSigned(sql, chosen);
    const damaged = chosen.find((row) => this.images.isDamaged(row));
    if (damaged) {
      throw new ConflictError(
        `The binary of ${describe(damaged)} is missing or damaged on the disk of the server, and not offered to printers; ` +
          'upload the same file again',
      );
    }
    const takingBack = await openRollback(sql, wanted.version);
    if (takingBack.length > 0)
      throw new ConflictError(
        `Firmware ${wanted.version} is being rolled back by rollout ${takingBack.join(', ')}; cancel that first`,
      );
    const row = toRow(wanted, firmware.id, createdBy, this.clock.now());
    const cameFrom = part?.cameFrom ? JSON.stringify(part.cameFrom) : null;
    const { userIds, printerIds } = wanted.target;
    return {
      row: { ...row, rollbackId: part?.rollbackId ?? null, cameFrom },
      lists: { userIds: toJson(userIds), printerIds: toJson(printerIds) },
      firmware: rows,
    };
  }
}

const TAKING_BACK = `SELECT rollout.id FROM rollback JOIN rollout ON rollout.rollback_id = rollback.id
  WHERE rollback.firmware_version = ? AND rollout.status <> 'cancelled' ORDER BY rollout.id`;

/** The rollouts that are currently moving printers back from a version. */
export async function openRollback(sql: Sql, version: string): Promise<number[]> {
  return (await sql.values(TAKING_BACK, version)).map(([id]) => Number(id));
}

function toRow(wanted: NewRollout, firmwareId: number, createdBy: string, now: Date): Omit<Rollout, 'id'> {
  const waits = wanted.scheduledFor !== null && wanted.scheduledFor > now;
  return {
    version: wanted.version,
    versionKey: versionKey(wanted.version),
    firmwareId,
    targetAll: wanted.target.all,
    targetIdsCount: (wanted.target.userIds ?? wanted.target.printerIds)?.length ?? null,
    targetChannels: toJson(wanted.target.channels),
    minVersion: wanted.target.minVersion,
    maxVersion: wanted.target.maxVersion,
    allowDowngrade: wanted.allowDowngrade,
    type: wanted.type,
    percentage: wanted.percentage,
    scheduledFor: wanted.scheduledFor,
    status: waits ? 'scheduled' : 'active',
    createdAt: now,
    name: wanted.name,
    note: wanted.note,
    createdBy,
    rollbackId: null,
    cameFrom: null,
    takenBackBy: null,
    ...NO_TARGETS,
  };
}

function toJson(list: readonly string[] | null): string | null {
  return list === null ? null : JSON.stringify(list);
}
