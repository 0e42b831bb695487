import { Brackets } from 'typeorm';
import type { ObjectLiteral, SelectQueryBuilder, WhereExpressionBuilder } from 'typeorm';
import type { Sql, SqlValue } from '../../src/database/sql.js';
import type { Build, RolloutRule } from '../../src/rollout/rules/targeting.js';
import { PrinterUpdate } from '../../src/rollout/store/entities/printer-update.entity.js';
import { RolloutCancellation } from '../../src/rollout/store/entities/rollout-cancellation.entity.js';
import { POSTGRES } from './test-database.js';

/**
 * Narrows a query whose printer is called `p` to the targets of a rollout: what the server decides in memory, said a second time
 * in plain SQL, to hold the two against each other.
 *
 * @param others all rollouts that are not cancelled
 */
export function targetCondition<T extends ObjectLiteral>(
  query: SelectQueryBuilder<T>,
  rule: RolloutRule,
  others: readonly RolloutRule[],
): SelectQueryBuilder<T> {
  if (rule.userIds) query.andWhere('p.userId IN (:...userIds)', { userIds: [...rule.userIds] });
  if (rule.printerUuids) query.andWhere('p.uuid IN (:...uuids)', { uuids: [...rule.printerUuids] });
  if (rule.channels) query.andWhere('p.updateChannel IN (:...channels)', { channels: [...rule.channels] });
  query.andWhere('p.blocked = false');
  if (rule.minKey !== null) query.andWhere('p.versionKey >= :minKey', { minKey: rule.minKey });
  if (rule.maxKey !== null)
    query.andWhere(`p.versionKey <= :maxKey AND p.versionKey <> ''`, { maxKey: rule.maxKey });
  const cancelledBefore = query
    .subQuery()
    .select('1')
    .from(RolloutCancellation, 'c')
    .where('c.rolloutId = p.versionRolloutId AND c.newestRolloutId < :ruleId')
    .getQuery();
  query.andWhere(
    new Brackets((either) => {
      either.where(`p.versionKey < :key AND p.versionKey <> ''`, { key: rule.versionKey });
      // Whoever may move printers back may move those, too, whose version nobody knows.
      if (rule.allowDowngrade) either.orWhere(`(p.versionKey > :key OR p.versionKey = '')`);
      else either.orWhere(`p.versionKey > :key AND EXISTS ${cancelledBefore}`, { ruleId: rule.id });
    }),
  );
  const newer = others.filter((one) => one.id > rule.id && one.status !== 'scheduled');
  query.andWhere(
    new Brackets((stays) => {
      stays.where(`p.versionKey < :key AND p.versionKey <> ''`);
      if (newer.length === 0) stays.orWhere('1 = 1');
      else stays.orWhere(`NOT (${newer.map((one) => namedBy(one)).join(' OR ')})`);
    }),
  );
  const from = `${POSTGRES === undefined ? 'instr' : 'strpos'}(' ' || coalesce(p.movedBack, ''), :from)`;
  const rest = `substr(p.movedBack, ${from} + length(:from) - 1)`;
  // SQLite's CAST reads as many digits as there are.
  const number = POSTGRES === undefined ? rest : `split_part(${rest}, ' ', 1)`;
  query.andWhere(`NOT (${from} > 0 AND CAST(${number} AS integer) > :ruleId)`, {
    from: ` ${rule.version}@`,
    ruleId: rule.id,
  });
  return query.andWhere(
    new Brackets((either) => {
      either.where('1 = 0');
      for (const [index, build] of [...rule.builds.values()].entries()) {
        either.orWhere(new Brackets((fits) => fitsBuild(fits, build, index, rule)));
      }
    }),
  );
}

/** Narrows a query whose printer is called `p` to the pending targets of a rollout: those it has sent nothing to. */
export function pendingCondition<T extends ObjectLiteral>(
  query: SelectQueryBuilder<T>,
  rule: RolloutRule,
  others: readonly RolloutRule[],
): SelectQueryBuilder<T> {
  const sent = query
    .subQuery()
    .select('1')
    .from(PrinterUpdate, 'sent')
    .where('sent.printerId = p.id AND sent.rolloutId = :ruleId AND sent.superseded = false')
    .getQuery();
  return targetCondition(query, rule, others).andWhere(`NOT EXISTS ${sent}`, { ruleId: rule.id });
}

/** Counts the rows of a query as a transaction sees them. */
export function countIn<T extends ObjectLiteral>(sql: Sql, query: SelectQueryBuilder<T>): Promise<number> {
  const [text, values] = query.select('count(*)').getQueryAndParameters();
  return sql.count(text, ...(values as SqlValue[]));
}

/** Says that a rollout names a printer by user, printer, channel and version bounds; its values are UUIDs, channels and keys. */
function namedBy(rule: RolloutRule): string {
  const list = (values: Iterable<string>): string => [...values].map((value) => `'${value}'`).join(', ');
  const conditions = [
    ...(rule.userIds ? [`p.userId IN (${list(rule.userIds)})`] : []),
    ...(rule.printerUuids ? [`p.uuid IN (${list(rule.printerUuids)})`] : []),
    ...(rule.channels ? [`p.updateChannel IN (${list(rule.channels)})`] : []),
    ...(rule.minKey === null ? [] : [`p.versionKey >= '${rule.minKey}'`]),
    ...(rule.maxKey === null ? [] : [`p.versionKey <= '${rule.maxKey}'`]),
  ];
  return conditions.length === 0 ? '1 = 1' : `(${conditions.join(' AND ')})`;
}

function fitsBuild(fits: WhereExpressionBuilder, build: Build, index: number, rule: RolloutRule): void {
  if (build.platform !== '') {
    fits.where(`p.platform = :platform${index}`, { [`platform${index}`]: build.platform });
  } else {
    const others = [...rule.builds.keys()].filter((platform) => platform !== '');
    if (others.length === 0) fits.where('1 = 1');
    else fits.where('(p.platform IS NULL OR p.platform NOT IN (:...others))', { others });
  }
  if (build.minUpgradeKey !== null) {
    fits.andWhere(`p.versionKey >= :upgradeKey${index}`, { [`upgradeKey${index}`]: build.minUpgradeKey });
  }
}
