import { Injectable } from '@nestjs/common';
import { versionKey } from '../../common/version.js';
import { Database } from '../../database/database.js';
import type { Statements } from '../../database/statements.js';
import { DownloadTokens } from '../../firmware/download/download-tokens.js';
import type { Transaction } from '../../database/transaction.js';
import type { Printer } from '../../printer/printer.entity.js';
import type { TargetPrinter, VersionSource } from '../../printer/printer.service.js';
import { REASONS, evaluateResend } from '../rules/decide.js';
import type { Reason } from '../rules/decide.js';
import { withMove } from '../rules/moved-back.js';
import { MAX_SENDS } from '../rules/status.js';
import { toOffer } from './offer.service.js';
import type { Offer } from './offer.service.js';
import { RolloutRules } from '../store/rollout-rules.js';
import { LatestUpdate } from './latest-update.js';
import { AUTO_UPDATE_OFF, UpdateLifecycle } from './update-lifecycle.js';
import { PrinterUpdate } from '../store/entities/printer-update.entity.js';
import { UpdateRecall } from './update-recall.js';
import { CancelledPending } from '../store/cancelled-pending.js';

/**
 * Settles what reports left open: the version that a printer subscribes with is the truth (decisions, "An update's
 * life").
 */
@Injectable()
export class VersionReconciler implements VersionSource {
  private readonly lastTaken: LatestUpdate;
  private readonly lastTo: LatestUpdate;

  constructor(
    database: Database,
    private readonly rules: RolloutRules,
    private readonly lifecycle: UpdateLifecycle,
    private readonly recall: UpdateRecall,
    private readonly cancelledPending: CancelledPending,
    private readonly tokens: DownloadTokens,
  ) {
    const table = database.table(PrinterUpdate);
    this.lastTaken = new LatestUpdate(table, TAKEN);
    this.lastTo = new LatestUpdate(table, `${TAKEN} AND firmware_version = ?`);
  }

  /** The rollout that brought a version to a printer, where an update of ours led there; null where none did. */
  rolloutOf(tx: Transaction, printer: Printer, version: string): number | null {
    return this.lastTo.find(tx.db, printer.id, version)?.rolloutId ?? null;
  }

  /** A move back counts if the update that the printer was sent last has brought it about, and nobody at the board. */
  movedBackTo(tx: Transaction, printer: Printer, version: string): string | null {
    const last = this.lastUpdate(tx.db, printer);
    const from = printer.firmwareVersion;
    if (from === null || last?.version !== version || last.confirmed) return printer.movedBack;
    return withMove(printer.movedBack, from, last.rolloutId);
  }

  /** The version that a printer has reported as installed and not yet proved; boards that never name theirs have no other. */
  reported(tx: Transaction, printer: Printer): string | null {
    const last = this.lastUpdate(tx.db, printer);
    return last?.status === 'completed' && !last.confirmed ? last.version : null;
  }

  /**
   * Compares what a printer runs with the update that it was sent last.
   *
   * @param before the printer as it was on record
   * @returns the same update, where it is to be sent once more
   */
  reconcile(tx: Transaction, before: Printer, printer: Printer): Offer | null {
    if (!before.autoUpdate && printer.autoUpdate) this.lifecycle.askAnew(tx, printer);
    const last = this.lastUpdate(tx.db, printer);
    return last && this.reconcileUpdate(tx, before, printer, last);
  }

  /**
   * Sends a connected printer again what a pause held back; null where it still does, or it may not be sent any more.
   *
   * @param held the update that waits (`sendOnResume`)
   */
  sendHeldBack(tx: Transaction, printer: TargetPrinter, held: PrinterUpdate): Offer | null {
    if (this.rules.current(tx).get(held.rolloutId)?.status === 'paused') return null;
    return this.sendAgainOrEnd(tx, printer, held);
  }

  private reconcileUpdate(
    tx: Transaction,
    before: Printer,
    printer: Printer,
    last: PrinterUpdate,
  ): Offer | null {
    const arrived = last.version === printer.firmwareVersion;
    if (last.status === 'in_progress') {
      if (!arrived) return this.sendAgainOrEnd(tx, printer, last);
      this.lifecycle.end(tx, last, 'completed', { error: null, confirmed: true });
    } else if (last.status === 'failed') {
      // It took longer than the limit, or a retry was on its way: in the end it worked.
      if (!arrived) return null;
      const counted = last.superseded ? this.reinstate(tx, last) : last;
      this.lifecycle.end(tx, counted, 'completed', { error: null, confirmed: true });
    } else if (!last.confirmed) {
      if (arrived) this.lifecycle.confirm(tx, last);
      else this.fail(tx, last, `${cameBack(printer)} after reporting ${last.version}`);
    } else if (hasReverted(before, printer, last)) {
      this.fail(tx, last, `went back to ${printer.firmwareVersion}`);
    }
    return null;
  }

  /** A cancelled rollout counts its printers as they were at the cancel: one that was no target then has no place in it. */
  private reinstate(tx: Transaction, retried: PrinterUpdate): PrinterUpdate {
    const { rolloutId, printerId } = retried;
    const cancelled = this.rules.current(tx).get(rolloutId) === undefined;
    const wasPending = cancelled && this.cancelledPending.has(tx.db, rolloutId, printerId);
    return cancelled && !wasPending ? retried : this.lifecycle.reinstate(tx, retried, wasPending);
  }

  private sendAgainOrEnd(tx: Transaction, printer: TargetPrinter, update: PrinterUpdate): Offer | null {
    const back = cameBack(printer);
    const rules = this.rules.current(tx);
    const rule = rules.get(update.rolloutId);
    if (!rule) return this.fail(tx, update, `${back}; not sent again, for the rollout is cancelled`);
    const evaluation = evaluateResend(rules.factsOf(printer), rule);
    if ('refused' in evaluation) return this.endOrWait(tx, update, back, evaluation.refused);
    if (update.attempts >= MAX_SENDS)
      return this.fail(tx, update, `${back} after it was sent ${update.attempts} times`);
    this.lifecycle.sendAgain(tx, update);
    return toOffer(printer, rule, evaluation.due, this.tokens);
  }

  /** What becomes of an update under way that its printer needs once more, and that must not be sent now. */
  private endOrWait(tx: Transaction, update: PrinterUpdate, back: string, reason: Reason): null {
    // A pause stops sends, and this would be one; the update waits for the resume, or for its limit.
    if (reason === 'rollout_paused') this.lifecycle.waitForResume(tx, update);
    else if (reason === 'image_damaged') this.recall.takeBack(tx, update);
    else if (reason === 'auto_update_off')
      this.lifecycle.end(tx, update, 'declined', { error: AUTO_UPDATE_OFF, onBehalf: true });
    else this.fail(tx, update, `${back}; not sent again: ${REASONS[reason]}`);
    return null;
  }

  private fail(tx: Transaction, update: PrinterUpdate, error: string): null {
    this.lifecycle.end(tx, update, 'failed', { error });
    return null;
  }

  private lastUpdate(db: Statements, printer: Printer): PrinterUpdate | null {
    return this.lastTaken.find(db, printer.id);
  }
}

/**
 * True if a boot loader has reverted late, after the printer had subscribed with the new version: it names an older version, or, after a
 * step down, the version that it was moved back from.
 */
function hasReverted(before: Printer, printer: Printer, last: PrinterUpdate): boolean {
  if (printer.firmwareVersion === null) return false;
  if (printer.versionKey < versionKey(last.version)) return true;
  return before.firmwareVersion === last.version && before.previousVersion === printer.firmwareVersion;
}

function cameBack({ firmwareVersion }: TargetPrinter): string {
  return `came back with ${firmwareVersion ?? 'a version that cannot be read'}`;
}

// A declined update was not taken.
const TAKEN = `status IN ('in_progress', 'completed', 'failed')`;
