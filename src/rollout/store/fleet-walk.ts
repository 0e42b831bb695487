import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Statements } from '../../database/statements.js';
import { PrinterCounts } from '../../printer/printer-counts.js';
import type { KindPart } from '../../printer/printer-counts.js';
import { PrinterService } from '../../printer/printer.service.js';
import type { TargetPrinter } from '../../printer/printer.service.js';
import type { RolloutRule } from '../rules/targeting.js';
import type { PrinterKind } from './rule-set.js';

// Rows per turn of the event loop: some milliseconds.
const SLICE = 500;
// Rows per turn if the visitor reads more for each of them.
const SMALL_SLICE = 100;

// Rows of printer kinds per turn of the event loop: a few milliseconds.
const KINDS = 2_000;

// Fields that a rule without lists of printers or users does not use.
const UNNAMED = { uuid: '', userId: '', autoUpdate: true };

/**
 * Walks the fleet in slices and yields to the event loop between them. The walk sees one consistent state only if the connection does (a
 * transaction or a snapshot).
 */
@Injectable()
export class FleetWalk {
  constructor(
    private readonly printerCounts: PrinterCounts,
    private readonly printers: PrinterService,
  ) {}

  /**
   * Visits all printers that a rule names: one by one if it lists printers or users, else by kind.
   *
   * @param visit receives a printer, and the number of printers in each bucket that the rule cannot tell from it
   */
  async named(
    db: Statements,
    rule: RolloutRule,
    visit: (printer: PrinterKind, alike: Array<[bucket: number, printers: number]>) => void,
  ): Promise<void> {
    if (rule.printerUuids !== null) {
      for (const uuids of slices([...rule.printerUuids], SLICE)) {
        for (const printer of this.printers.byUuids(db, uuids)) visit(printer, [[printer.bucket, 1]]);
        await nextTurn();
      }
    } else if (rule.userIds !== null) {
      await this.ofUsers(db, [...rule.userIds], (printer) => visit(printer, [[printer.bucket, 1]]));
    } else {
      for (const kinds of this.printerCounts.kinds(db, KINDS)) {
        for (const kind of kinds) visit(toPrinterKind(kind), kind.buckets);
        await nextTurn();
      }
    }
  }

  /** Visits once every printer that at least one of the rules lists, by its UUID or its user. */
  async listed(
    db: Statements,
    rules: readonly RolloutRule[],
    visit: (printer: TargetPrinter) => void,
  ): Promise<void> {
    const uuids = new Set(rules.flatMap(({ printerUuids }) => [...(printerUuids ?? [])]));
    for (const slice of slices([...uuids], SLICE)) {
      for (const printer of this.printers.byUuids(db, slice)) visit(printer);
      await nextTurn();
    }
    const users = new Set(
      rules.flatMap(({ printerUuids, userIds }) => (printerUuids ? [] : [...(userIds ?? [])])),
    );
    await this.ofUsers(db, [...users], (printer) => {
      if (!uuids.has(printer.uuid)) visit(printer);
    });
  }

  /** Visits all printers that a rule names one by one, in slices; without a list of printers or users that is the whole fleet. */
  async each(db: Statements, rule: RolloutRule, visit: (printers: TargetPrinter[]) => void): Promise<void> {
    if (rule.printerUuids !== null) {
      for (const uuids of slices([...rule.printerUuids], SLICE)) {
        visit(this.printers.byUuids(db, uuids));
        await nextTurn();
      }
    } else if (rule.userIds !== null) {
      const named: TargetPrinter[] = [];
      await this.ofUsers(db, [...rule.userIds], (printer) => named.push(printer));
      for (const printers of slices(named, SLICE)) {
        visit(printers);
        await nextTurn();
      }
    } else {
      for (const printers of this.printers.all(db, SLICE)) {
        visit(printers);
        await nextTurn();
      }
    }
  }

  /** Visits the printers with these numbers in slices; numbers without a printer are left out. */
  async withIds(
    db: Statements,
    ids: readonly number[],
    visit: (printers: TargetPrinter[]) => void,
  ): Promise<void> {
    for (const slice of slices(ids, SMALL_SLICE)) {
      visit(this.printers.byIds(db, slice));
      await nextTurn();
    }
  }

  private async ofUsers(
    db: Statements,
    userIds: readonly string[],
    visit: (printer: TargetPrinter) => void,
  ): Promise<void> {
    let read = 0;
    for (const user of userIds) {
      for (const printers of this.printers.ofUser(db, user, SLICE)) {
        for (const printer of printers) visit(printer);
        // A user without printers costs a look-up, too.
        read += printers.length + 1;
        if (read < SLICE) continue;
        read = 0;
        await nextTurn();
      }
    }
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

/** Splits a list into slices of at most `size`. */
function* slices<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < list.length; start += size) yield list.slice(start, start + size);
}
