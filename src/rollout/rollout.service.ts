import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../database/unit-of-work.js';
import type { Transaction } from '../database/transaction.js';
import { PrinterService } from '../printer/printer.service.js';
import type { PrinterHello, TargetPrinter } from '../printer/printer.service.js';
import { OfferService } from './offer.service.js';
import type { Offer } from './offer.service.js';
import { PendingTargets } from './pending-targets.js';
import { UpdateJournal } from './update-journal.js';
import type { PrinterUpdate } from './update.entity.js';
import { VersionSettlement } from './version-settlement.js';

/** What came of a subscribe, all of it on disk. */
export interface Subscribed {
  printerId: number;
  /** The update to send; null where there is none. */
  offer: Offer | null;
}

/** What rollouts have for printers; the gateway asks it. Operators use `RolloutAdminService`. */
@Injectable()
export class RolloutService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly printers: PrinterService,
    private readonly pending: PendingTargets,
    private readonly settlement: VersionSettlement,
    private readonly offers: OfferService,
    private readonly journal: UpdateJournal,
  ) {}

  /** A printer has connected and said what it runs: registers it, settles its earlier updates, and decides what it gets. */
  printerSubscribed(hello: PrinterHello): Promise<Subscribed> {
    return this.unitOfWork.collect((tx) => {
      const { before, printer } = this.printers.register(tx, hello, this.settlement);
      this.pending.printerChanged(tx, before, printer);
      const resend = before && this.settlement.settle(tx, before, printer);
      return { printerId: printer.id, offer: resend ?? this.offers.makeForSubscribe(tx, printer) };
    });
  }

  /**
   * What there is now for printers that are connected already; each offer is on record as under way.
   *
   * @param ids their numbers
   * @param uuids those whose first subscribe is only just being recorded
   */
  offersFor(ids: readonly number[], uuids: readonly string[]): Promise<Offer[]> {
    return this.unitOfWork.collect((tx) => {
      const printers = this.printers.byIds(tx.db, ids);
      if (uuids.length > 0) printers.push(...this.printers.byUuids(tx.db, uuids));
      const live = this.journal.live(tx.db, printers);
      return printers.flatMap((printer) => this.offerFor(tx, printer, live.get(printer.id) ?? []) ?? []);
    });
  }

  private offerFor(tx: Transaction, printer: TargetPrinter, live: PrinterUpdate[]): Offer | null {
    const held = live.find((update) => update.sendOnResume);
    if (!held) return this.offers.makeForConnected(tx, printer, live);
    const again = this.settlement.sendHeldBack(tx, printer, held);
    // What was held back may just have ended, and made room for another.
    const now = (): PrinterUpdate[] => this.journal.live(tx.db, [printer]).get(printer.id) ?? [];
    return again ?? this.offers.makeForConnected(tx, printer, now());
  }
}
