import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../database/unit-of-work.js';
import { PrinterService } from '../printer/printer.service.js';
import type { PrinterHello } from '../printer/printer.service.js';
import { OfferService } from './offer.service.js';
import type { Offer } from './offer.service.js';
import { VersionSettlement } from './version-settlement.js';

/** What rollouts have for printers; the gateway asks it. Operators use `RolloutAdminService`. */
@Injectable()
export class RolloutService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly printers: PrinterService,
    private readonly settlement: VersionSettlement,
    private readonly offers: OfferService,
  ) {}

  /**
   * A printer has connected and said what it runs: registers it, settles its earlier updates, and decides what it gets.
   *
   * @returns the update to send, on record already; null where there is none
   */
  async printerSubscribed(hello: PrinterHello): Promise<Offer | null> {
    return this.unitOfWork.run(async (tx) => {
      const { before, printer } = await this.printers.register(tx, hello, {
        reported: (known) => this.settlement.reported(tx, known),
        rolloutOf: (known, version) => this.settlement.rolloutOf(tx, known, version),
      });
      const resend = await this.settlement.settle(tx, before, printer);
      return resend ?? (await this.offers.make(tx, [printer], true))[0] ?? null;
    });
  }

  /** What there is now for printers that are connected already; each offer is on record as under way. */
  async offersFor(printerUuids: readonly string[]): Promise<Offer[]> {
    return this.unitOfWork.run(async (tx) => {
      const printers = await this.printers.findMany(tx, printerUuids);
      const heldBack = await this.settlement.sendHeldBack(tx, printers);
      return [...heldBack, ...(await this.offers.make(tx, printers, false))];
    });
  }
}
