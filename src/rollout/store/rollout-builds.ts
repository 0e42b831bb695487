import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/transaction.js';
import type { Firmware } from '../../firmware/firmware.entity.js';
import type { Sql } from '../../database/sql.js';

/** The SHA-256 of the bytes that a rollout sends, by platform. */
export type PinnedBytes = ReadonlyMap<string, string>;

const PIN = 'INSERT INTO rollout_build (rollout_id, platform, sha256) VALUES (?, ?, ?)';
const OF_ONE = 'SELECT rollout_id AS "rolloutId", platform, sha256 FROM rollout_build WHERE rollout_id = ?';
const OF_ALL = `SELECT rollout_id AS "rolloutId", platform, sha256 FROM rollout_build
  JOIN rollout ON rollout.id = rollout_id WHERE rollout.status <> 'cancelled'`;

/** Stores which bytes each rollout sends to each platform. */
@Injectable()
export class RolloutBuilds {
  /**
   * Pins the bytes of builds for the platforms that a rollout has none for yet.
   *
   * @param rows builds of its version
   */
  async pin(tx: Transaction, rolloutId: number, rows: readonly Firmware[]): Promise<void> {
    for (const [platform, sha256] of bytesOf(rows)) await tx.sql.run(PIN, rolloutId, platform, sha256);
  }

  /** The bytes that one rollout sends. */
  async of(sql: Sql, rolloutId: number): Promise<PinnedBytes> {
    return (await byRollout(sql, OF_ONE, rolloutId)).get(rolloutId) ?? new Map();
  }

  /** The bytes that each rollout sends; cancelled rollouts, and those that send nothing, are left out. */
  async all(sql: Sql): Promise<ReadonlyMap<number, PinnedBytes>> {
    return byRollout(sql, OF_ALL);
  }
}

/** The bytes of the builds of one version, by platform: one platform has the same bytes in every channel. */
export function bytesOf(rows: readonly Firmware[]): Map<string, string> {
  return new Map(rows.map(({ platform, sha256 }) => [platform, sha256]));
}

/**
 * The builds uploaded after a rollout was created that it adopts: those for boards that it had no build for. A rollout with a build for
 * every board adopts none.
 *
 * @param pinned the bytes that it sends so far; a rollout that sends nothing has lost its firmware permanently
 */
export function newBuilds(pinned: PinnedBytes, rows: readonly Firmware[]): Firmware[] {
  if (pinned.size === 0 || pinned.has('')) return [];
  return rows.filter(({ platform }) => !pinned.has(platform));
}

async function byRollout(
  sql: Sql,
  text: string,
  ...values: number[]
): Promise<Map<number, Map<string, string>>> {
  const found = new Map<number, Map<string, string>>();
  for (const row of await sql.rows(text, ...values)) {
    const pinned = found.get(Number(row.rolloutId)) ?? new Map<string, string>();
    found.set(Number(row.rolloutId), pinned.set(String(row.platform), String(row.sha256)));
  }
  return found;
}
