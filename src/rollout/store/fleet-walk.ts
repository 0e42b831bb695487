import { Injectable } from '@nestjs/common';
import { PrinterCounts } from '../../printer/counts/printer-counts.js';
import type { KindPart } from '../../printer/counts/printer-counts.js';
import { PrinterService } from '../../printer/printer.service.js';
import type { TargetPrinter } from '../../printer/printer.service.js';
import { isListed } from '../rules/targeting.js';
import type { RolloutRule } from '../rules/targeting.js';
import type { PrinterKind } from './rule-set.js';
import type { Sql } from '../../database/sql.js';

// Printers per statement.
const SLICE = 500;
// Printers per statement if the caller reads more for each of them.
const SMALL_SLICE = 100;
// Kinds of printers per statement.
const KINDS = 2_000;

/** Printers that a rule cannot tell apart. */
export interface AlikePrinters {
  /** One of them. */
  printer: PrinterKind;
  /** How many there are in each bucket. */
  buckets: Array<[bucket: number, printers: number]>;
}

// Fields that a rule without lists of printers or users does not use.
const UNNAMED = { uuid: '', userId: '', autoUpdate: true };

/**
 * Walks the fleet in slices, which bounds the memory. The walk sees one consistent state only if the connection does (a transaction or a
 * scan).
 */
@Injectable()
export class FleetWalk {
  constructor(
    private readonly printerCounts: PrinterCounts,
    private readonly printers: PrinterService,
  ) {}

  /** All printers that a rule names: one by one if it lists printers or users, else by kind. */
  async *named(sql: Sql, rule: RolloutRule): AsyncGenerator<AlikePrinters[]> {
    if (isListed(rule)) {
      for await (const printers of this.each(sql, rule))
        yield printers.map((printer) => ({ printer, buckets: [[printer.bucket, 1]] }));
      return;
    }
    for await (const kinds of this.printerCounts.kinds(sql, KINDS))
      yield kinds.map((kind) => ({ printer: toPrinterKind(kind), buckets: kind.buckets }));
  }

  /** Every printer that at least one of the rules lists, by its UUID or its user; each once. */
  async *listed(sql: Sql, rules: readonly RolloutRule[]): AsyncGenerator<TargetPrinter[]> {
    const uuids = new Set(rules.flatMap(({ printerUuids }) => [...(printerUuids ?? [])]));
    yield* this.withUuids(sql, [...uuids]);
    const users = new Set(
      rules.flatMap(({ printerUuids, userIds }) => (printerUuids ? [] : [...(userIds ?? [])])),
    );
    for await (const printers of this.ofUsers(sql, [...users]))
      yield printers.filter(({ uuid }) => !uuids.has(uuid));
  }

  /** All printers that a rule names, one by one; without a list of printers or users that is the whole fleet. */
  async *each(sql: Sql, rule: RolloutRule): AsyncGenerator<TargetPrinter[]> {
    if (rule.printerUuids !== null) yield* this.withUuids(sql, [...rule.printerUuids]);
    else if (rule.userIds !== null) yield* this.ofUsers(sql, [...rule.userIds]);
    else yield* this.printers.all(sql, SLICE);
  }

  /** The printers with these numbers; numbers without a printer are left out. */
  withIds(sql: Sql, ids: readonly number[]): AsyncGenerator<TargetPrinter[]> {
    return this.printers.withIds(sql, ids, SMALL_SLICE);
  }

  private async *withUuids(sql: Sql, uuids: readonly string[]): AsyncGenerator<TargetPrinter[]> {
    for (let start = 0; start < uuids.length; start += SLICE)
      yield await this.printers.byUuids(sql, uuids.slice(start, start + SLICE));
  }

  private async *ofUsers(sql: Sql, userIds: readonly string[]): AsyncGenerator<TargetPrinter[]> {
    for (const user of userIds) yield* this.printers.ofUser(sql, user, SLICE);
  }
}

/** A kind as a printer, as a rule without lists of printers or users sees it; its bucket may be any of the kind's. */
function toPrinterKind(kind: KindPart): PrinterKind {
  return {
    ...UNNAMED,
    updateChannel: kind.updateChannel,
    versionKey: kind.versionKey,
    platform: kind.platform || null,
    versionRolloutId: kind.versionRolloutId || null,
    previousVersion: kind.previousVersion || null,
    movedBack: kind.movedBack || null,
    bucket: kind.buckets[0]?.[0] ?? 0,
    blocked: kind.blocked,
  };
}

/** The same printer, as a rule without lists of printers or users sees it. */
export function withoutName(printer: PrinterKind): PrinterKind {
  return { ...printer, ...UNNAMED };
}
