import { Injectable } from '@nestjs/common';
import { ValidationError } from '../../common/errors.js';
import { Changes } from '../../database/changes.js';
import { Database } from '../../database/database.js';
import type { Statements } from '../../database/statements.js';
import type { Table } from '../../database/table.js';
import { UnitOfWork } from '../../database/unit-of-work.js';
import type { Transaction } from '../../database/transaction.js';
import { PrinterService } from '../../printer/printer.service.js';
import { RolloutEvents } from '../store/rollout.events.js';
import { LatestUpdate } from './latest-update.js';
import { AUTO_UPDATE_OFF, UpdateLifecycle } from './update-lifecycle.js';
import { PrinterUpdate } from '../store/entities/printer-update.entity.js';
import { ServiceTime } from '../store/service-time.js';
import { UpdateRecall } from './update-recall.js';

/** What a printer reports of an update (printer protocol, "Reports"); versions are canonical, what it does not say is null. */
export type Report =
  | { kind: 'progress'; percent: number | null; status: string | null }
  | { kind: 'complete'; version: string | null }
  | { kind: 'failed'; error: string }
  | { kind: 'declined'; version: string | null; autoUpdate: boolean | null };

/** The connection that a report came over. */
export interface ReportSource {
  /** True while it speaks for the printer: asked in the transaction, so behind every subscribe that came before the report. */
  mayReport(): boolean;
}

type Progress = Extract<Report, { kind: 'progress' }>;

// Printer protocol, "Reports": percent is -1 for an error.
const ERROR_PERCENT = -1;

const PROGRESS = `UPDATE printer_update SET last_percent = coalesce(?, last_percent),
  last_status_message = coalesce(?, last_status_message), last_heard = ?
  WHERE printer_id = ? AND status = 'in_progress'`;

/** Takes in what printers report. Repeated, late and out-of-order reports change nothing twice. */
@Injectable()
export class UpdateReports {
  private readonly table: Table<PrinterUpdate>;
  private readonly lastSent: LatestUpdate;
  /** Progress that waits for its transaction: of one connection, only the latest is written. */
  private readonly waiting = new Map<ReportSource, Progress>();

  constructor(
    database: Database,
    private readonly unitOfWork: UnitOfWork,
    private readonly printers: PrinterService,
    private readonly lifecycle: UpdateLifecycle,
    private readonly recall: UpdateRecall,
    private readonly events: RolloutEvents,
    private readonly changes: Changes,
    private readonly serviceTime: ServiceTime,
  ) {
    this.table = database.table(PrinterUpdate);
    this.lastSent = new LatestUpdate(
      this.table,
      'attempts > 0 AND firmware_version = coalesce(?, firmware_version)',
    );
  }

  /**
   * Records a report of a subscribed printer; drops it if its connection no longer speaks for the printer.
   *
   * @returns null where it was taken in with one that waits to be written, whose promise was given to the first of them
   * @throws ValidationError if the printer was never sent what it speaks of
   */
  report(printerUuid: string, report: Report, source: ReportSource): Promise<void> | null {
    if (report.kind === 'progress' && !isError(report)) return this.progress(printerUuid, report, source);
    return this.unitOfWork.collect((tx) => {
      if (!source.mayReport()) return;
      const printerId = this.printers.idOf(tx.db, printerUuid);
      const update = this.updateSpokenOf(tx.db, printerId, report);
      // No report changes a final state: it is a repetition, or comes too late.
      if (update.status === 'in_progress') {
        if (!this.isOurFault(tx, update, report)) this.end(tx, update, report);
      } else if (report.kind === 'failed') this.explain(tx, update, report.error);
      // Another rollout may have waited for this one to end.
      if (report.kind !== 'complete') tx.afterCommit(() => this.events.publish([printerUuid]));
    });
  }

  private progress(printerUuid: string, report: Progress, source: ReportSource): Promise<void> | null {
    const waiting = this.waiting.get(source);
    if (waiting) {
      waiting.percent = report.percent ?? waiting.percent;
      waiting.status = report.status ?? waiting.status;
      return null;
    }
    const latest = { ...report };
    this.waiting.set(source, latest);
    const written = this.unitOfWork.collect((tx) => {
      this.waiting.delete(source);
      if (!source.mayReport()) return;
      const printerId = this.printers.idOf(tx.db, printerUuid);
      // Only the update that was sent last can be under way: one statement, by the index over those.
      if (tx.db.run(PROGRESS, latest.percent, latest.status, this.serviceTime.now(), printerId) === 0)
        this.updateSpokenOf(tx.db, printerId, report);
      this.changes.printerIn(tx, printerId);
    });
    return written.catch((error: unknown) => {
      // Where no transaction could be begun nothing has taken it away: what comes next must not wait for it.
      if (this.waiting.get(source) === latest) this.waiting.delete(source);
      throw error;
    });
  }

  /** A download that the server refused because the image is damaged is no failure of the printer: its update waits. */
  private isOurFault(tx: Transaction, update: PrinterUpdate, report: Report): boolean {
    return (report.kind === 'failed' || report.kind === 'progress') && this.recall.recallDamaged(tx, update);
  }

  private end(tx: Transaction, update: PrinterUpdate, report: Report): void {
    switch (report.kind) {
      case 'progress': {
        const error = report.status ?? 'The printer reported an error';
        return this.lifecycle.end(tx, update, 'failed', { error, percent: ERROR_PERCENT });
      }
      case 'complete':
        return this.lifecycle.end(tx, update, 'completed', { error: null });
      case 'failed':
        return this.lifecycle.end(tx, update, 'failed', { error: report.error });
      case 'declined': {
        if (report.autoUpdate !== null) this.printers.setAutoUpdate(tx, update.printerId, report.autoUpdate);
        const error = report.autoUpdate === false ? AUTO_UPDATE_OFF : 'declined by the printer';
        return this.lifecycle.end(tx, update, 'declined', { error });
      }
    }
  }

  /** A `firmware_failed` behind a progress of -1 often says more about the same failure. */
  private explain(tx: Transaction, update: PrinterUpdate, error: string): void {
    if (update.status !== 'failed' || update.lastPercent !== ERROR_PERCENT) return;
    this.table.update(tx.db, update.id, { errorMessage: error });
  }

  /** The update that a report names by its version; without one, the update that the printer was sent last. */
  private updateSpokenOf(db: Statements, printerId: number, report: Report): PrinterUpdate {
    const version = 'version' in report ? report.version : null;
    const update = this.lastSent.find(db, printerId, version);
    if (update) return update;
    if (version !== null)
      throw ValidationError.field('version', version, 'no update to this version was sent to this printer');
    throw ValidationError.field('kind', `firmware_${report.kind}`, 'no update was sent to this printer');
  }
}

function isError(report: Progress): boolean {
  return report.percent === ERROR_PERCENT;
}
