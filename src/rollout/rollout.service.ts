import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../database/unit-of-work.js';
import type { Transaction } from '../database/transaction.js';
import { PrinterService } from '../printer/printer.service.js';
import type { TargetPrinter } from '../printer/printer.service.js';
import type { SubscribeRequest } from '../printer/subscribe-request.js';
import { OfferService } from './updates/offer.service.js';
import type { Offer } from './updates/offer.service.js';
import { PendingTargets } from './updates/pending-targets.js';
import { UpdateLifecycle } from './updates/update-lifecycle.js';
import type { PrinterUpdate } from './store/entities/printer-update.entity.js';
import { VersionReconciler } from './updates/version-reconciler.js';

/** The result of a subscribe; all of it is on disk. */
export interface Subscribed {
  printerId: number;
  /** The update to send; null if there is none. */
  offer: Offer | null;
}

/** The connection that a subscribe came over. It is notified of how far the subscribe's transaction has got. */
export interface SubscribeObserver {
  /** The subscribe is written but not yet committed. Later work in the same transaction sees it. */
  subscribeWritten(): void;
  /** This subscribe alone failed; the transaction continues without it. */
  subscribeFailed(): void;
  /** The subscribe is on disk. */
  subscribeCommitted(printerId: number): void;
}

/** The connected printers that may be sent something now. */
export interface ConnectedPrinters {
  /** Their row numbers. */
  ids: readonly number[];
  /** UUIDs of printers whose first subscribe is still being recorded. */
  uuids: readonly string[];
}

/** What rollouts offer to printers. The gateway calls it; operators use `Rollouts`. */
@Injectable()
export class RolloutService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly printers: PrinterService,
    private readonly pending: PendingTargets,
    private readonly reconciler: VersionReconciler,
    private readonly offers: OfferService,
    private readonly lifecycle: UpdateLifecycle,
  ) {}

  /**
   * Handles the subscribe of a printer: registers it, reconciles its earlier updates with the version it runs, and decides what it is sent.
   *
   * @param observer omit it if nobody needs to know before the promise resolves
   * @throws PrinterRefusedError if the printer may not connect
   */
  printerSubscribed(hello: SubscribeRequest, observer?: SubscribeObserver): Promise<Subscribed> {
    return this.unitOfWork.collect((tx) => {
      tx.onFailure(() => observer?.subscribeFailed());
      const { before, printer } = this.printers.register(tx, hello, this.reconciler);
      this.pending.printerChanged(tx, before, printer);
      const resend = before && this.reconciler.reconcile(tx, before, printer);
      tx.onSuccess(() => observer?.subscribeWritten());
      tx.afterCommit(() => observer?.subscribeCommitted(printer.id));
      return { printerId: printer.id, offer: resend ?? this.offers.makeForSubscribe(tx, printer) };
    });
  }

  /**
   * Decides what printers that are already connected are sent now. Each offer is recorded as an update in progress.
   *
   * @param connected called after the transaction has begun, because only what is recorded by then may decide
   */
  offersFor(connected: () => ConnectedPrinters): Promise<Offer[]> {
    return this.unitOfWork.collect((tx) => {
      const { ids, uuids } = connected();
      const printers = this.printers.byIds(tx.db, ids);
      if (uuids.length > 0) printers.push(...this.printers.byUuids(tx.db, uuids));
      const live = this.lifecycle.live(tx.db, printers);
      return printers.flatMap((printer) => this.offerFor(tx, printer, live.get(printer.id) ?? []) ?? []);
    });
  }

  private offerFor(tx: Transaction, printer: TargetPrinter, live: PrinterUpdate[]): Offer | null {
    const held = live.find((update) => update.sendOnResume);
    if (!held) return this.offers.makeForConnected(tx, printer, live);
    const again = this.reconciler.sendHeldBack(tx, printer, held);
    // The update that was held back may just have ended, which lets another one through.
    const now = (): PrinterUpdate[] => this.lifecycle.live(tx.db, [printer]).get(printer.id) ?? [];
    return again ?? this.offers.makeForConnected(tx, printer, now());
  }
}
