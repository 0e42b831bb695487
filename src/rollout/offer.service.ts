import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/unit-of-work.js';
import type { Printer } from '../printer/printer.entity.js';
import { decide } from './domain/decide.js';
import type { Decision, Situation } from './domain/decide.js';
import { buildFor } from './domain/targeting.js';
import type { Build, RolloutRule } from './domain/targeting.js';
import { RolloutRules } from './rollout-rules.js';
import { UpdateJournal } from './update-journal.js';

/** An update that is recorded as under way, and is now to be sent. */
export interface Offer {
  printerUuid: string;
  version: string;
  /** Null where the build fits every board. */
  platform: string | null;
  md5: string;
  /** Path and query of the download. */
  downloadPath: string;
}

/** What a build of a rollout looks like to the printer that it goes to. */
export function toOffer(printer: Printer, rule: RolloutRule, build: Build): Offer {
  return {
    printerUuid: printer.uuid,
    version: rule.version,
    platform: build.platform === '' ? null : build.platform,
    md5: build.md5,
    downloadPath: build.downloadPath,
  };
}

/** Turns decisions into updates: the row first, the message after the commit. */
@Injectable()
export class OfferService {
  constructor(
    private readonly rules: RolloutRules,
    private readonly journal: UpdateJournal,
  ) {}

  /**
   * Decides for each printer, and records what is decided.
   *
   * @param comesBack true where the printers are subscribing right now
   */
  async make(tx: Transaction, printers: readonly Printer[], comesBack: boolean): Promise<Offer[]> {
    if (printers.length === 0 || !(await this.rules.current(tx)).canSend) return [];
    const situations = await this.journal.situations(tx, printers, comesBack);
    const offers: Offer[] = [];
    for (const printer of printers) {
      const situation = situations.get(printer.id);
      const decision = await this.decide(tx, printer, situation);
      await this.recordDeclines(tx, printer, decision.declines);
      if (!decision.send) continue;
      const { rule, build } = decision;
      // Of the updates that a printer had before, only a declined one is ever due again.
      if (situation?.earlier.has(rule.id)) await this.journal.reopen(tx, printer, rule, build);
      else await this.journal.open(tx, printer, rule, build);
      offers.push(toOffer(printer, rule, build));
    }
    return offers;
  }

  /** What `make` would do for a printer, with the reason where that is nothing. */
  async decide(tx: Transaction, printer: Printer, situation?: Situation): Promise<Decision> {
    const rules = await this.rules.current(tx);
    const known = situation ?? (await this.journal.situations(tx, [printer], false)).get(printer.id);
    return decide(
      rules.factsOf(printer),
      rules.rules,
      known ?? { earlier: new Map(), busy: false, comesBack: false },
    );
  }

  private async recordDeclines(
    tx: Transaction,
    printer: Printer,
    declines: readonly RolloutRule[],
  ): Promise<void> {
    for (const rule of declines) {
      const build = buildFor(rule, printer.platform);
      if (build) await this.journal.declineFor(tx, printer, rule, build);
    }
  }
}
