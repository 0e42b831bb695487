import { Injectable } from '@nestjs/common';
import type { Sql } from '../database/sql.js';
import { Presence } from '../printer/presence.js';
import { PrinterSelections } from '../printer/list/printer-selections.js';
import { PrinterService } from '../printer/printer.service.js';
import { RolloutRules } from '../rollout/store/rollout-rules.js';
import { updateStateIn } from './update-state.js';

// Printers read at a time.
const BATCH = 500;

/**
 * Finds the printers for which an update is due, for lists of printers (`behind=true`): the same ones that the version breakdown counts.
 */
@Injectable()
export class BehindPrinters {
  constructor(
    private readonly printers: PrinterService,
    private readonly rules: RolloutRules,
    private readonly presence: Presence,
    selections: PrinterSelections,
  ) {
    selections.provide('behind', (sql, onlineOnly) => this.ids(sql, onlineOnly));
  }

  private async ids(sql: Sql, onlineOnly: boolean): Promise<ReadonlySet<number>> {
    const ids = new Set<number>();
    const online = this.presence.ids();
    const rules = await this.rules.asOf(sql);
    const slices = onlineOnly ? this.printers.withIds(sql, online, BATCH) : this.printers.all(sql, BATCH);
    for await (const printers of slices)
      for (const printer of printers) if (updateStateIn(printer, rules) === 'due') ids.add(printer.id);
    return ids;
  }
}
