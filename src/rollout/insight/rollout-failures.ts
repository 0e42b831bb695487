import { Injectable } from '@nestjs/common';
import { NotFoundError } from '../../common/errors.js';
import { Database } from '../../database/database.js';
import { IN_INTEGERS, jsonList } from '../../database/sql.js';
import type { Sql } from '../../database/sql.js';

/** A printer in a list. */
export interface NamedPrinter {
  id: number;
  uuid: string;
  name: string;
}

/** Updates that failed for the same reason. */
export interface Failure {
  message: string;
  count: number;
  /** Some of their printers. */
  printers: NamedPrinter[];
}

/** The failed updates of a rollout. */
export interface Failures {
  total: number;
  /** Most common first. */
  failures: Failure[];
}

interface Group {
  message: string;
  count: number;
  printerIds: number[];
}

// Rows per statement.
const SLICE = 500;
const MOST_MESSAGES = 50;
const MOST_PRINTERS = 5;
// Maximum different messages kept: printers write them, so each may be different.
const MOST_REMEMBERED = 10_000;

const FAILED = `SELECT printer_id, error_message FROM printer_update
  WHERE rollout_id = ? AND status = 'failed' AND NOT superseded AND printer_id > ? ORDER BY printer_id LIMIT ?`;
const NAMES = `SELECT id, uuid, name FROM printer WHERE id ${IN_INTEGERS}`;

/** Groups the failed updates of a rollout by their messages. */
@Injectable()
export class RolloutFailures {
  constructor(private readonly database: Database) {}

  /**
   * The failed updates of a rollout that count, by message: the 50 most common of the first 10,000 different ones.
   *
   * @throws NotFoundError if there is no such rollout
   */
  of(rolloutId: number): Promise<Failures> {
    return this.database.scan(async (sql) => {
      if ((await sql.first('SELECT 1 FROM rollout WHERE id = ?', rolloutId)) === undefined)
        throw new NotFoundError(`Rollout not found: ${rolloutId}`);
      const { total, groups } = await this.group(sql, rolloutId);
      const commonest = groups.sort((a, b) => b.count - a.count).slice(0, MOST_MESSAGES);
      const printers = await namesOf(
        sql,
        commonest.flatMap(({ printerIds }) => printerIds),
      );
      return {
        total,
        failures: commonest.map(({ message, count, printerIds }) => ({
          message,
          count,
          printers: printerIds.flatMap((id) => printers.get(id) ?? []),
        })),
      };
    });
  }

  private async group(sql: Sql, rolloutId: number): Promise<{ total: number; groups: Group[] }> {
    const groups = new Map<string, Group>();
    let total = 0;
    for (let after = 0; ;) {
      const rows = await sql.values(FAILED, rolloutId, after, SLICE);
      for (const [printerId, message] of rows) add(groups, String(message ?? ''), Number(printerId));
      total += rows.length;
      if (rows.length < SLICE) return { total, groups: [...groups.values()] };
      after = Number(rows.at(-1)?.[0]);
    }
  }
}

function add(groups: Map<string, Group>, message: string, printerId: number): void {
  const group = groups.get(message);
  if (group === undefined) {
    if (groups.size < MOST_REMEMBERED) groups.set(message, { message, count: 1, printerIds: [printerId] });
    return;
  }
  group.count += 1;
  if (group.printerIds.length < MOST_PRINTERS) group.printerIds.push(printerId);
}

/** The printers with these numbers. */
export async function namesOf(sql: Sql, ids: readonly number[]): Promise<Map<number, NamedPrinter>> {
  const rows = await sql.rows(NAMES, jsonList(ids));
  return new Map(
    rows.map(({ id, uuid, name }) => [
      Number(id),
      { id: Number(id), uuid: String(uuid), name: String(name) },
    ]),
  );
}
