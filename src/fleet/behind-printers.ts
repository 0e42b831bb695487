import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import type { Table } from '../database/table.js';
import { Presence } from '../printer/presence.js';
import { PrinterSelections } from '../printer/list/printer-selections.js';
import { Printer } from '../printer/printer.entity.js';
import { TARGET_PROPERTIES } from '../printer/printer.service.js';
import type { TargetPrinter } from '../printer/printer.service.js';
import { RolloutRules } from '../rollout/store/rollout-rules.js';
import { updateStateIn } from './update-state.js';

// Printers per slice, which takes a few milliseconds.
const BATCH = 500;

/**
 * Finds the printers for which an update is due, for lists of printers (`behind=true`): the same ones that the version breakdown counts.
 */
@Injectable()
export class BehindPrinters {
  private readonly table: Table<TargetPrinter>;

  constructor(
    private readonly database: Database,
    private readonly rules: RolloutRules,
    private readonly presence: Presence,
    selections: PrinterSelections,
  ) {
    this.table = database.view(Printer, TARGET_PROPERTIES);
    selections.provide('behind', (onlineOnly) => this.ids(onlineOnly));
  }

  /** The ids of all printers that are behind. Unless `onlineOnly` is set, the whole fleet is read, in slices. */
  async ids(onlineOnly: boolean): Promise<ReadonlySet<number>> {
    const ids = new Set<number>();
    for (const printers of onlineOnly ? this.online() : this.all()) {
      const rules = this.rules.forReading();
      for (const printer of printers) if (updateStateIn(printer, rules) === 'due') ids.add(printer.id);
      await nextTurn();
    }
    return ids;
  }

  private *online(): Generator<TargetPrinter[]> {
    const ids = this.presence.ids();
    for (let start = 0; start < ids.length; start += BATCH) {
      const some = JSON.stringify(ids.slice(start, start + BATCH));
      yield this.table.select(this.database.reader, 'WHERE id IN (SELECT value FROM json_each(?))', some);
    }
  }

  private *all(): Generator<TargetPrinter[]> {
    let after = 0;
    for (;;) {
      const printers = this.table.select(
        this.database.reader,
        'WHERE id > ? ORDER BY id LIMIT ?',
        after,
        BATCH,
      );
      yield printers;
      if (printers.length < BATCH) return;
      after = printers.at(-1)?.id ?? after;
    }
  }
}
