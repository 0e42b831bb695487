import { Injectable, Logger } from '@nestjs/common';
import { Changes } from '../../database/changes.js';
import { Database } from '../../database/database.js';
import { IN_INTEGERS, IN_TEXTS, allOf, jsonList, jsonRows, rowsOf } from '../../database/sql.js';
import type { Sql } from '../../database/sql.js';
import { changedColumns } from '../../database/table.js';
import type { RowChange, Table } from '../../database/table.js';
import type { Transaction } from '../../database/transaction.js';
import { PrinterCounts } from '../../printer/counts/printer-counts.js';
import { PrinterDeltas } from '../../printer/counts/printer-deltas.js';
import { Printer } from '../../printer/printer.entity.js';
import { PrinterUpdate } from '../store/entities/printer-update.entity.js';
import { OutcomeCounts } from '../store/outcome-counts.js';
import { RolloutRules } from '../store/rollout-rules.js';
import { SentBuilds } from '../store/sent-builds.js';
import { RolloutDeltas } from './plan/counters.js';
import type { PrinterChange } from './plan/fleet-state.js';
import type { PrinterState } from './plan/printer-state.js';
import { RolloutProgress } from './rollout-progress.js';

const COUNT_BUILDS = `UPDATE firmware SET success_count = firmware.success_count + delta.completed,
    failure_count = firmware.failure_count + delta.failed
  FROM ${rowsOf(allOf('integer', ['id', 'completed', 'failed']))} AS delta WHERE firmware.id = delta.id`;

/** Which printers to load. */
export interface PrinterKeys {
  uuids?: Iterable<string>;
  ids?: Iterable<number>;
}

/** Loads printers with their updates, and saves what a plan has made of them: one statement for each table, whatever the number of printers. */
@Injectable()
export class FleetStore {
  private readonly logger = new Logger('Printer');
  private readonly printers: Table<Printer>;
  private readonly updates: Table<PrinterUpdate>;

  constructor(
    database: Database,
    private readonly printerCounts: PrinterCounts,
    private readonly rules: RolloutRules,
    private readonly sent: SentBuilds,
    private readonly outcomes: OutcomeCounts,
    private readonly progress: RolloutProgress,
    private readonly changed: Changes,
  ) {
    this.printers = database.table(Printer);
    this.updates = database.table(PrinterUpdate);
  }

  /** The printers that exist, in the order of their numbers. */
  async load(sql: Sql, { uuids = [], ids = [] }: PrinterKeys): Promise<PrinterState[]> {
    const found = new Map<number, Printer>();
    for (const [condition, list] of [
      [`uuid ${IN_TEXTS}`, jsonList(uuids)],
      [`id ${IN_INTEGERS}`, jsonList(ids)],
    ] as const) {
      if (list === '[]') continue;
      const rest = `WHERE ${condition} ORDER BY id`;
      for (const printer of await this.printers.select(sql, rest, list)) found.set(printer.id, printer);
    }
    return this.withUpdates(sql, [...found.values()]);
  }

  /** Adds their updates to printers. */
  async withUpdates(sql: Sql, printers: readonly Printer[]): Promise<PrinterState[]> {
    if (printers.length === 0) return [];
    const byPrinter = new Map<number, PrinterUpdate[]>(printers.map(({ id }) => [id, []]));
    const rest = `WHERE printer_id ${IN_INTEGERS} ORDER BY printer_id, sequence`;
    for (const update of await this.updates.select(sql, rest, jsonList(byPrinter.keys())))
      byPrinter.get(update.printerId)?.push(update);
    return printers.map((printer) => ({ printer, updates: byPrinter.get(printer.id) ?? [] }));
  }

  /**
   * Saves printers and their updates, with every counter.
   *
   * @returns the numbers of new printers, by UUID
   */
  async save(tx: Transaction, changes: readonly PrinterChange[]): Promise<ReadonlyMap<string, number>> {
    const numbers = await this.insertPrinters(tx, changes);
    const deltas = new PrinterDeltas();
    for (const { before, after } of changes) deltas.add(before?.printer ?? null, after.printer);
    await this.printers.updateAll(tx.sql, printerColumns(changes));
    await this.printerCounts.add(tx.sql, deltas);
    await this.saveUpdates(tx, changes, numbers);
    return numbers;
  }

  /**
   * Saves the updates of printers that are saved already, with the counters of rollouts and builds.
   *
   * @param numbers the numbers of new printers, by UUID
   */
  async saveUpdates(
    tx: Transaction,
    changes: readonly PrinterChange[],
    numbers: ReadonlyMap<string, number> = new Map(),
  ): Promise<void> {
    const rows = updateRows(changes, numbers);
    if (rows.removed.length > 0)
      await tx.sql.run(`DELETE FROM printer_update WHERE id ${IN_INTEGERS}`, jsonList(rows.removed));
    // A printer has one update in progress at a time: one ends before another begins.
    await this.updates.updateAll(tx.sql, rows.changed, ({ columns }) => columns.status !== 'in_progress');
    await this.updates.insertAll(tx.sql, rows.added);
    const updates = changes.map(({ before, after }) => ({
      before: before?.updates ?? [],
      after: after.updates,
    }));
    await this.sent.count(tx, updates);
    const deltas = new RolloutDeltas(await this.rules.current(tx));
    for (const { before, after } of changes) deltas.changed(before, after);
    await this.addDeltas(tx, deltas);
    for (const { after } of changes)
      this.changed.printerIn(tx, numbers.get(after.printer.uuid) ?? after.printer.id);
  }

  /** Adds to the counters of rollouts, builds and outcomes. */
  async addDeltas(tx: Transaction, deltas: RolloutDeltas): Promise<void> {
    const builds = [...deltas.firmware]
      .map(([id, { completed, failed }]) => [id, completed, failed])
      .filter(([, ...counts]) => counts.some((count) => count !== 0))
      .sort(([a = 0], [b = 0]) => a - b);
    if (builds.length > 0) await tx.sql.run(COUNT_BUILDS, jsonRows(builds));
    await this.outcomes.add(tx.sql, deltas.outcomes);
    await this.progress.add(tx, deltas);
  }

  private async insertPrinters(
    tx: Transaction,
    changes: readonly PrinterChange[],
  ): Promise<ReadonlyMap<string, number>> {
    const added = changes.filter(({ before }) => before === null).map(({ after }) => after.printer);
    const rows = await this.printers.insertAll(tx.sql, added, ['uuid', 'id']);
    const numbers = new Map(rows.map(([uuid, id]) => [String(uuid), Number(id)]));
    for (const { uuid, firmwareVersion } of added)
      tx.afterCommit(() =>
        this.logger.debug(
          `Registered printer ${numbers.get(uuid)} (${uuid}), version ${firmwareVersion ?? 'unknown'}`,
        ),
      );
    return numbers;
  }
}

function printerColumns(changes: readonly PrinterChange[]): Array<RowChange<Printer>> {
  return changes.flatMap(({ before, after }) =>
    before === null || before.printer === after.printer
      ? []
      : [{ id: after.printer.id, columns: changedColumns(before.printer, after.printer) }],
  );
}

interface UpdateRows {
  removed: number[];
  changed: Array<RowChange<PrinterUpdate>>;
  added: Array<Omit<PrinterUpdate, 'id'>>;
}

function updateRows(changes: readonly PrinterChange[], numbers: ReadonlyMap<string, number>): UpdateRows {
  const rows: UpdateRows = { removed: [], changed: [], added: [] };
  for (const { before, after } of changes) {
    const old = before?.updates ?? [];
    if (old === after.updates) continue;
    const byId = new Map(old.map((update) => [update.id, update]));
    const printerId = numbers.get(after.printer.uuid) ?? after.printer.id;
    for (const update of after.updates) {
      const was = byId.get(update.id);
      byId.delete(update.id);
      if (was === undefined)
        rows.added.push(update.printerId === printerId ? update : { ...update, printerId });
      else if (was !== update) rows.changed.push({ id: update.id, columns: changedColumns(was, update) });
    }
    rows.removed.push(...byId.keys());
  }
  return rows;
}
