import { Injectable } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import { Invalid } from '../common/errors.js';
import { UnitOfWork } from '../database/unit-of-work.js';
import type { Transaction } from '../database/unit-of-work.js';
import { PrinterService } from '../printer/printer.service.js';
import { RolloutEvents } from './rollout.events.js';
import { AUTO_UPDATE_OFF, UpdateJournal } from './update-journal.js';
import { PrinterUpdate } from './update.entity.js';

/** What a printer reports of an update (printer protocol, "Reports"); versions are canonical. */
export type Report =
  | { kind: 'progress'; percent: number; status: string | null }
  | { kind: 'complete'; version: string }
  | { kind: 'failed'; error: string }
  | { kind: 'declined'; version: string | null; autoUpdate: boolean | null };

// Printer protocol, "Reports": percent is -1 for an error.
const ERROR_PERCENT = -1;

/** Takes in what printers report. Repeated, late and out-of-order reports change nothing twice. */
@Injectable()
export class UpdateReports {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly printers: PrinterService,
    private readonly journal: UpdateJournal,
    private readonly events: RolloutEvents,
  ) {}

  /**
   * Records a report of a subscribed printer.
   *
   * @throws Invalid where the printer was never sent what it speaks of
   */
  async report(printerUuid: string, report: Report): Promise<void> {
    await this.unitOfWork.run(async (tx) => {
      const printer = await this.printers.find(tx, printerUuid);
      const update = await this.updateSpokenOf(tx, printer.id, report);
      // No report changes a final state: it is a repetition, or comes too late.
      if (update.status === 'in_progress') await this.record(tx, update, report);
      else if (report.kind === 'failed') await this.explain(tx, update, report.error);
      // Another rollout may have waited for this one to end.
      const ended = report.kind === 'failed' || report.kind === 'declined' || isError(report);
      if (ended) tx.afterCommit(() => this.events.publish([printerUuid]));
    });
  }

  private async record(tx: Transaction, update: PrinterUpdate, report: Report): Promise<void> {
    switch (report.kind) {
      case 'progress':
        if (isError(report)) {
          const error = report.status ?? 'The printer reported an error';
          return this.journal.end(tx, update, 'failed', { error, percent: ERROR_PERCENT });
        }
        return this.journal.alive(tx, update, {
          lastPercent: report.percent,
          ...(report.status === null ? {} : { lastStatusMessage: report.status }),
        });
      case 'complete':
        return this.journal.end(tx, update, 'completed', { error: null });
      case 'failed':
        return this.journal.end(tx, update, 'failed', { error: report.error });
      case 'declined': {
        if (report.autoUpdate !== null)
          await this.printers.setAutoUpdate(tx, update.printerId, report.autoUpdate);
        const error = report.autoUpdate === false ? AUTO_UPDATE_OFF : 'declined by the printer';
        return this.journal.end(tx, update, 'declined', { error });
      }
    }
  }

  /** A `firmware_failed` behind a progress of -1 often says more about the same failure. */
  private async explain(tx: Transaction, update: PrinterUpdate, error: string): Promise<void> {
    if (update.status !== 'failed' || update.lastPercent !== ERROR_PERCENT) return;
    await tx.em.update(PrinterUpdate, { id: update.id }, { errorMessage: error });
  }

  /** The update that a report names by its version; without one, the update that the printer was sent last. */
  private async updateSpokenOf(tx: Transaction, printerId: number, report: Report): Promise<PrinterUpdate> {
    const version = 'version' in report ? report.version : null;
    const update = await tx.em.findOne(PrinterUpdate, {
      where: { printerId, attempts: MoreThan(0), ...(version === null ? {} : { version }) },
      order: { startedAt: 'DESC', id: 'DESC' },
    });
    if (update) return update;
    if (version !== null)
      throw Invalid.field('version', version, 'no update to this version was sent to this printer');
    throw Invalid.field('kind', `firmware_${report.kind}`, 'no update was sent to this printer');
  }
}

function isError(report: Report): boolean {
  return report.kind === 'progress' && report.percent === ERROR_PERCENT;
}
