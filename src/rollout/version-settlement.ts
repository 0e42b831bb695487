import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import type { Transaction } from '../database/unit-of-work.js';
import type { Printer } from '../printer/printer.entity.js';
import { REASONS, judgeResend } from './domain/decide.js';
import type { Reason } from './domain/decide.js';
import { MAX_SENDS } from './domain/state.js';
import { targetRefusal } from './domain/targeting.js';
import { toOffer } from './offer.service.js';
import type { Offer } from './offer.service.js';
import { RolloutProgress } from './rollout-progress.js';
import { RolloutRules } from './rollout-rules.js';
import { AUTO_UPDATE_OFF, UpdateJournal } from './update-journal.js';
import { PrinterUpdate } from './update.entity.js';

/**
 * Settles what reports left open: the version that a printer subscribes with is the truth (decisions, "An update's
 * life").
 */
@Injectable()
export class VersionSettlement {
  constructor(
    private readonly rules: RolloutRules,
    private readonly journal: UpdateJournal,
    private readonly progress: RolloutProgress,
  ) {}

  /** The rollout that brought a version to a printer, where an update of ours led there; null where none did. */
  async rolloutOf(tx: Transaction, printer: Printer, version: string): Promise<number | null> {
    const update = await this.lastUpdate(tx, printer, version);
    return update?.sentByRolloutId ?? null;
  }

  /** The version that a printer has reported as installed and not yet proved; boards that never name theirs have no other. */
  async reported(tx: Transaction, printer: Printer): Promise<string | null> {
    const last = await this.lastUpdate(tx, printer);
    return last?.status === 'completed' && !last.confirmed ? last.version : null;
  }

  /**
   * Compares what a printer runs with the update that it was sent last.
   *
   * @param before the printer as it was on record; null where it is new
   * @returns the same update, where it is to be sent once more
   */
  async settle(tx: Transaction, before: Printer | null, printer: Printer): Promise<Offer | null> {
    if (before && !before.autoUpdate && printer.autoUpdate) await this.journal.askAnew(tx, printer);
    const last = before && (await this.lastUpdate(tx, printer));
    const resend = last ? await this.settleUpdate(tx, printer, last) : null;
    await this.settleRollouts(tx, before, printer);
    return resend;
  }

  /**
   * Sends again what a pause held back.
   *
   * @param printers connected printers
   */
  async sendHeldBack(tx: Transaction, printers: readonly Printer[]): Promise<Offer[]> {
    const byId = new Map(printers.map((printer) => [printer.id, printer]));
    const held = await tx.em.findBy(PrinterUpdate, {
      printerId: In([...byId.keys()]),
      status: 'in_progress',
      sendOnResume: true,
    });
    const rules = await this.rules.current(tx);
    const offers: Offer[] = [];
    for (const update of held) {
      if (rules.get(update.rolloutId)?.status === 'paused') continue;
      const printer = byId.get(update.printerId);
      const offer = printer && (await this.sendAgainOrEnd(tx, printer, update));
      if (offer) offers.push(offer);
    }
    return offers;
  }

  private async settleUpdate(tx: Transaction, printer: Printer, last: PrinterUpdate): Promise<Offer | null> {
    const arrived = last.version === printer.firmwareVersion;
    if (last.status === 'in_progress') {
      if (!arrived) return this.sendAgainOrEnd(tx, printer, last);
      await this.journal.end(tx, last, 'completed', { error: null, confirmed: true });
    } else if (last.status === 'failed') {
      // It took longer than the limit, or a retry was on its way: in the end it worked.
      if (!arrived) return null;
      const counted = await this.journal.reinstate(tx, last);
      await this.journal.end(tx, counted, 'completed', { error: null, confirmed: true });
    } else if (!last.confirmed) {
      if (arrived) await this.journal.confirm(tx, last);
      else
        await this.fail(
          tx,
          last,
          `came back with ${printer.firmwareVersion} after reporting ${last.version}`,
        );
    }
    return null;
  }

  private async sendAgainOrEnd(
    tx: Transaction,
    printer: Printer,
    update: PrinterUpdate,
  ): Promise<Offer | null> {
    const back = `came back with ${printer.firmwareVersion}`;
    const rules = await this.rules.current(tx);
    const rule = rules.get(update.rolloutId);
    if (!rule) return this.fail(tx, update, `${back}; not sent again, for the rollout is cancelled`);
    const verdict = judgeResend(rules.factsOf(printer), rule);
    if ('refused' in verdict) return this.endOrWait(tx, update, back, verdict.refused);
    if (update.attempts >= MAX_SENDS)
      return this.fail(tx, update, `${back} after it was sent ${update.attempts} times`);
    await this.journal.sendAgain(tx, update);
    return toOffer(printer, rule, verdict.due);
  }

  /** What becomes of an update under way that its printer needs once more, and that must not be sent now. */
  private async endOrWait(
    tx: Transaction,
    update: PrinterUpdate,
    back: string,
    reason: Reason,
  ): Promise<null> {
    // A pause stops sends, and this would be one; the update waits for the resume, or for its limit.
    if (reason === 'rollout_paused') await this.journal.waitForResume(tx, update);
    else if (reason === 'auto_update_off')
      await this.journal.end(tx, update, 'declined', { error: AUTO_UPDATE_OFF, onBehalf: true });
    else await this.fail(tx, update, `${back}; not sent again: ${REASONS[reason]}`);
    return null;
  }

  private async fail(tx: Transaction, update: PrinterUpdate, error: string): Promise<null> {
    await this.journal.end(tx, update, 'failed', { error });
    return null;
  }

  /** A printer that became a target, or ceased to be one, may change whether a rollout is completed. */
  private async settleRollouts(tx: Transaction, before: Printer | null, printer: Printer): Promise<void> {
    const rules = await this.rules.current(tx);
    const was = before && rules.factsOf(before);
    const is = rules.factsOf(printer);
    const changed = rules.rules.filter((rule) => {
      const wasTarget = was !== null && targetRefusal(was, rule) === null;
      return wasTarget !== (targetRefusal(is, rule) === null);
    });
    await this.progress.settle(
      tx,
      changed.map((rule) => rule.id),
    );
  }

  /** The update that a printer took last, of all or of those to one version; a declined one was not taken. */
  private async lastUpdate(
    tx: Transaction,
    printer: Printer,
    version?: string,
  ): Promise<PrinterUpdate | null> {
    return tx.em.findOne(PrinterUpdate, {
      where: {
        printerId: printer.id,
        status: In(['in_progress', 'completed', 'failed']),
        ...(version !== undefined && { version }),
      },
      order: { startedAt: 'DESC', id: 'DESC' },
    });
  }
}
