import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/transaction.js';
import { DownloadTokens } from '../firmware/download-tokens.js';
import type { TargetPrinter } from '../printer/printer.service.js';
import { decide } from './domain/decide.js';
import type { Decision, Situation } from './domain/decide.js';
import { targetRefusal } from './domain/targeting.js';
import type { Build, RolloutRule } from './domain/targeting.js';
import { RolloutRules } from './rollout-rules.js';
import { UpdateJournal, situationOf } from './update-journal.js';
import type { PrinterUpdate } from './update.entity.js';

/** An update that is recorded as under way, and is now to be sent. */
export interface Offer {
  printerUuid: string;
  version: string;
  /** Null where the build fits every board. */
  platform: string | null;
  md5: string;
  /** Null where the build has none. */
  signature: string | null;
  /** Path and query of the download. */
  downloadPath: string;
}

/** What a build of a rollout looks like to the printer that it goes to. */
export function toOffer(
  printer: TargetPrinter,
  rule: RolloutRule,
  build: Build,
  tokens: DownloadTokens,
): Offer {
  const { downloadPath } = build;
  return {
    printerUuid: printer.uuid,
    version: rule.version,
    platform: build.platform === '' ? null : build.platform,
    md5: build.md5,
    // Tells whose sign of life a download is, and opens it to that printer alone.
    downloadPath: `${downloadPath}&printer=${printer.id}&token=${tokens.issue(rule.version, printer.id)}`,
    signature: build.signature,
  };
}

/** Turns decisions into updates: the row first, the message after the commit. */
@Injectable()
export class OfferService {
  constructor(
    private readonly rules: RolloutRules,
    private readonly journal: UpdateJournal,
    private readonly tokens: DownloadTokens,
  ) {}

  /** Decides for a printer that is subscribing right now, and records what is decided. */
  makeForSubscribe(tx: Transaction, printer: TargetPrinter): Offer | null {
    const rules = this.rules.current(tx);
    const facts = rules.factsOf(printer);
    const meant = rules.rules.filter((rule) => targetRefusal(facts, rule) === null);
    // Most printers are no target of anything: nothing is read for them.
    if (meant.length === 0) return null;
    const situation = this.journal.situation(tx.db, rules, printer, true);
    return this.carryOut(tx, printer, decide(facts, meant, situation), situation);
  }

  /**
   * Decides for a printer that is connected already, and records what is decided.
   *
   * @param live its updates that count
   */
  makeForConnected(tx: Transaction, printer: TargetPrinter, live: readonly PrinterUpdate[]): Offer | null {
    const rules = this.rules.current(tx);
    const situation = situationOf(live, rules, false);
    const decision = decide(rules.factsOf(printer), rules.rules, situation);
    return this.carryOut(tx, printer, decision, situation);
  }

  private carryOut(
    tx: Transaction,
    printer: TargetPrinter,
    decision: Decision,
    situation: Situation,
  ): Offer | null {
    for (const rule of decision.declines) this.journal.declineFor(tx, printer, rule);
    if (!decision.send) return null;
    const { rule, build } = decision;
    this.journal.makeRoom(tx, printer, rule);
    // Of the updates that a printer had before, only a declined one is ever due again.
    if (situation.earlier.has(rule.id)) this.journal.reopen(tx, printer, rule, build);
    else this.journal.open(tx, printer, rule, build);
    return toOffer(printer, rule, build, this.tokens);
  }
}
