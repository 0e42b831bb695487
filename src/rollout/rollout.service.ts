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

/** What came of a subscribe, all of it on disk. */
export interface Subscribed {
  printerId: number;
  /** The update to send; null where there is none. */
  offer: Offer | null;
}

/** The connection that a subscribe came over; told how far the transaction of it has got. */
export interface SubscribeObserver {
  /** The subscribe is written, in a transaction that is not committed yet: work behind it in the same one sees it. */
  subscribeWritten(): void;
  /** The subscribe failed by itself; the transaction goes on without it. */
  subscribeFailed(): void;
  /** The subscribe is on disk. */
  subscribeCommitted(printerId: number): void;
}

/** The printers that may be sent something now. */
export interface ConnectedPrinters {
  /** Their numbers. */
  ids: readonly number[];
  /** UUIDs of those whose first subscribe is only just being recorded. */
  uuids: readonly string[];
}

/** What rollouts have for printers; the gateway asks it. Operators use `Rollouts`. */
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
   * A printer has connected and said what it runs: registers it, settles its earlier updates, and decides what it gets.
   *
   * @param observer absent if nobody needs to know before the promise resolves
   * @throws PrinterRefusedError if it may not speak
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
   * What there is now for printers that are connected already; each offer is on record as under way.
   *
   * @param connected asked once the transaction has begun, for only what is on record by then may decide
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
    // What was held back may just have ended, and made room for another.
    const now = (): PrinterUpdate[] => this.lifecycle.live(tx.db, [printer]).get(printer.id) ?? [];
    return again ?? this.offers.makeForConnected(tx, printer, now());
  }
}
