import { Injectable, Logger } from '@nestjs/common';
import { Changes } from '../../database/changes.js';
import type { Transaction } from '../../database/transaction.js';
import { PrinterService } from '../../printer/printer.service.js';
import { REASONS, evaluateResend } from '../rules/decide.js';
import { RolloutProgress } from './rollout-progress.js';
import { RolloutRules } from '../store/rollout-rules.js';
import { SentBuilds } from '../store/sent-builds.js';
import type { PrinterUpdate } from '../store/entities/printer-update.entity.js';

const REMOVE = `DELETE FROM printer_update WHERE id = ? AND status = 'in_progress'`;

/** Takes updates back that printers could not install because their image is missing or damaged on the server. */
@Injectable()
export class UpdateRecall {
  private readonly logger = new Logger('Update');

  constructor(
    private readonly rules: RolloutRules,
    private readonly printers: PrinterService,
    private readonly progress: RolloutProgress,
    private readonly sent: SentBuilds,
    private readonly changes: Changes,
  ) {}

  /**
   * Takes an update under way back if its image is damaged, and nothing else stands against sending it: it is sent again once the image
   * is mended.
   *
   * @returns false if the update is left as it is
   */
  recallDamaged(tx: Transaction, update: PrinterUpdate): boolean {
    const rules = this.rules.current(tx);
    const rule = rules.get(update.rolloutId);
    // Of most rollouts no image is damaged: no printer is looked up for them.
    if (rule === undefined || ![...rule.builds.values()].some(({ damaged }) => damaged)) return false;
    const printer = this.printers.byId(tx.db, update.printerId);
    if (printer === null) return false;
    const evaluation = evaluateResend(rules.factsOf(printer), rule);
    if (!('refused' in evaluation) || evaluation.refused !== 'image_damaged') return false;
    this.takeBack(tx, update);
    return true;
  }

  /**
   * Takes an update under way back because of its image: its printer, which must be a target, is pending again. The row is removed, for
   * nothing became of it.
   */
  takeBack(tx: Transaction, update: PrinterUpdate): void {
    const { id, printerId, version } = update;
    tx.db.run(REMOVE, id);
    this.sent.takeBack(tx, printerId, update.firmwareId);
    this.progress.countPendingOf(tx, update.rolloutId, [printerId], 1, 'in_progress');
    this.progress.settleRollbacksOf(tx, version);
    this.changes.printerIn(tx, printerId);
    const what = `Update ${id} of printer ${printerId} to ${version} waits`;
    tx.afterCommit(() => this.logger.log(`${what}: ${REASONS.image_damaged}`));
  }
}
