import { Injectable } from '@nestjs/common';
import { FirmwareService } from '../../firmware/firmware.service.js';
import { ImageCheck } from '../../firmware/binaries/image-check.js';
import { PrinterService } from '../../printer/printer.service.js';
import { targetRefusal } from '../rules/targeting.js';
import type { RolloutRule } from '../rules/targeting.js';
import { servedOf } from '../store/cancelled-pending.js';
import { RolloutRules, toRule } from '../store/rollout-rules.js';
import type { Rollout } from '../store/entities/rollout.entity.js';
import { RolloutBuilds } from '../store/rollout-builds.js';
import { RolloutTargets } from '../store/target-lists.js';
import { MAX_ROWS_SCANNED, SLICE, readPage } from '../store/target-page.js';
import type { Targets } from '../store/target-page.js';
import type { Sql, SqlValue } from '../../database/sql.js';

const ALL = 'SELECT id FROM printer WHERE id > ? AND id < ? ORDER BY id LIMIT ?';
const OF_CHANNEL =
  'SELECT id FROM printer WHERE update_channel = ? AND id > ? AND id < ? ORDER BY id LIMIT ?';
const OF_USER = 'SELECT id FROM printer WHERE user_id = ? AND id > ? AND id < ? ORDER BY id LIMIT ?';
const WITH_UUID = 'SELECT id FROM printer WHERE uuid = ? AND id > ? AND id < ? ORDER BY id LIMIT ?';

/** Finds the targets that a rollout has sent nothing to. They are not stored, but computed from its rule. */
@Injectable()
export class PendingList {
  constructor(
    private readonly printers: PrinterService,
    private readonly rules: RolloutRules,
    private readonly firmware: FirmwareService,
    private readonly targets: RolloutTargets,
    private readonly builds: RolloutBuilds,
    private readonly images: ImageCheck,
  ) {}

  /** One page of them; for a cancelled rollout, the targets that it would have now. Call it in a scan. */
  async page(sql: Sql, rollout: Rollout, limit: number, after: number): Promise<Targets> {
    const rules = await this.rules.asOf(sql);
    const rule =
      rules.get(rollout.id) ??
      toRule(
        rollout,
        await this.targets.of(sql, rollout.id),
        (await this.firmware.ofVersions(sql, [rollout.version])).get(rollout.version) ?? [],
        await this.builds.of(sql, rollout.id),
        this.images,
      );
    const numbers = await lowestNumbers(sql, rule, after);
    return readPage(limit, after, async (from) => {
      const start = numbers.findIndex((number) => number > from);
      const ids = start === -1 ? [] : numbers.slice(start, start + SLICE);
      const targets = (await this.printers.byIds(sql, ids)).filter(
        (printer) => targetRefusal(rules.factsOf(printer), rule) === null,
      );
      const served = await servedOf(sql, rule.id, targets);
      const pending = targets.filter((printer) => !served.has(printer.id));
      const isLast = start + ids.length >= numbers.length && numbers.length < MAX_ROWS_SCANNED;
      return {
        rows: pending
          .map(({ id }) => ({ printerId: id, update: null }))
          .sort((a, b) => a.printerId - b.printerId),
        nextCursor: isLast ? null : (ids.at(-1) ?? null),
      };
    });
  }
}

/** The lowest numbers, after a given one, of printers that a rule names; as many as may be read for a page. */
async function lowestNumbers(sql: Sql, rule: RolloutRule, after: number): Promise<number[]> {
  const [statement, names] = namesIn(rule);
  let numbers: number[] = [];
  // Once there are enough, only lower numbers matter.
  let below = Number.MAX_SAFE_INTEGER;
  for (const name of names) {
    const found = await sql.values(statement, ...name, after, below, MAX_ROWS_SCANNED);
    for (const [id] of found) numbers.push(Number(id));
    if (numbers.length > 2 * MAX_ROWS_SCANNED) {
      numbers = lowest(numbers);
      below = numbers.at(-1) ?? below;
    }
  }
  return lowest(numbers);
}

/**
 * The narrowest list of a rule, and the statement that finds the printers of each entry; the printers found are then evaluated one by one.
 */
function namesIn(rule: RolloutRule): [sql: string, names: SqlValue[][]] {
  const { printerUuids, userIds, channels } = rule;
  const each = (names: ReadonlySet<string>): SqlValue[][] => [...names].map((name) => [name]);
  if (printerUuids !== null) return [WITH_UUID, each(printerUuids)];
  if (userIds !== null) return [OF_USER, each(userIds)];
  return channels === null ? [ALL, [[]]] : [OF_CHANNEL, each(channels)];
}

function lowest(numbers: number[]): number[] {
  return numbers.sort((a, b) => a - b).slice(0, MAX_ROWS_SCANNED);
}
