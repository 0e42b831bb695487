import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/transaction.js';
import { DownloadTokens } from '../../firmware/download/download-tokens.js';
import type { TargetPrinter } from '../../printer/printer.service.js';
import { decide } from '../rules/decide.js';
import type { Decision, UpdateContext } from '../rules/decide.js';
import { targetRefusal } from '../rules/targeting.js';
import type { Build, RolloutRule } from '../rules/targeting.js';
import { RolloutRules } from '../store/rollout-rules.js';
import { UpdateLifecycle, updateContextOf } from './update-lifecycle.js';
import type { PrinterUpdate } from '../store/entities/printer-update.entity.js';

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
    private readonly lifecycle: UpdateLifecycle,
    private readonly tokens: DownloadTokens,
  ) {}

  /** Decides for a printer that is subscribing right now, and records what is decided. */
  makeForSubscribe(tx: Transaction, printer: TargetPrinter): Offer | null {
    const rules = this.rules.current(tx);
    const facts = rules.factsOf(printer);
    const meant = rules.rules.filter((rule) => targetRefusal(facts, rule) === null);
    // Most printers are no target of anything: nothing is read for them.
    if (meant.length === 0) return null;
    const context = this.lifecycle.context(tx.db, rules, printer, true);
    return this.carryOut(tx, printer, decide(facts, meant, context), context);
  }

  /**
   * Decides for a printer that is connected already, and records what is decided.
   *
   * @param live its updates that count
   */
  makeForConnected(tx: Transaction, printer: TargetPrinter, live: readonly PrinterUpdate[]): Offer | null {
    const rules = this.rules.current(tx);
    const context = updateContextOf(live, rules, false);
    const decision = decide(rules.factsOf(printer), rules.rules, context);
    return this.carryOut(tx, printer, decision, context);
  }

  private carryOut(
    tx: Transaction,
    printer: TargetPrinter,
    decision: Decision,
    context: UpdateContext,
  ): Offer | null {
    for (const rule of decision.declines) this.lifecycle.declineFor(tx, printer, rule);
    if (!decision.send) return null;
    const { rule, build } = decision;
    this.lifecycle.endCancelled(tx, printer, rule);
    // Of the updates that a printer had before, only a declined one is ever due again.
    if (context.earlier.has(rule.id)) this.lifecycle.reopen(tx, printer, rule, build);
    else this.lifecycle.open(tx, printer, rule, build);
    return toOffer(printer, rule, build, this.tokens);
  }
}
