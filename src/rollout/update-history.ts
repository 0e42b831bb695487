import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../database/unit-of-work.js';
import type { Printer } from '../printer/printer.entity.js';
import { PrinterService } from '../printer/printer.service.js';
import { OfferService } from './offer.service.js';
import { PrinterUpdate } from './update.entity.js';

/** An update that is due for a printer and has not been sent; it stands nowhere, but follows from the rollouts. */
export interface PendingUpdate {
  rolloutId: number;
  version: string;
}

/** The updates of one printer. */
export interface History {
  printer: Printer;
  pending: PendingUpdate | null;
  /** The newest first. */
  updates: PrinterUpdate[];
}

/** What printers were sent, and what waits for them. */
@Injectable()
export class UpdateHistory {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly printers: PrinterService,
    private readonly offers: OfferService,
  ) {}

  /**
   * The history of a printer.
   *
   * @param limit how many entries at most, the pending one included
   */
  async of(printerKey: number | string, limit: number): Promise<History> {
    return this.unitOfWork.run(async (tx) => {
      const printer = await this.printers.find(tx, printerKey);
      const decision = await this.offers.decide(tx, printer);
      const pending = decision.send ? { rolloutId: decision.rule.id, version: decision.rule.version } : null;
      const take = limit - (pending ? 1 : 0);
      const where = { printerId: printer.id };
      const updates =
        take > 0
          ? await tx.em.find(PrinterUpdate, { where, order: { startedAt: 'DESC', id: 'DESC' }, take })
          : [];
      return { printer, pending, updates };
    });
  }
}
