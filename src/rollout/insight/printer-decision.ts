import { Injectable } from '@nestjs/common';
import { Presence } from '../../printer/presence.js';
import type { Printer } from '../../printer/printer.entity.js';
import { PrinterService } from '../../printer/printer.service.js';
import { bucketOf } from '../../common/bucket.js';
import { decide, evaluate } from '../rules/decide.js';
import type { Decision, Evaluation } from '../rules/decide.js';
import type { RolloutRule } from '../rules/targeting.js';
import { RolloutRules } from '../store/rollout-rules.js';
import { CountingUpdates } from '../store/counting-updates.js';
import { updateContextOf } from '../updates/plan/update-steps.js';

/** What a printer would be sent now, and how each rollout evaluates it. */
export interface Explanation {
  printer: Printer;
  online: boolean;
  bucket: number;
  decision: Decision;
  /** In the order of evaluation. */
  verdicts: Array<{ rule: RolloutRule; evaluation: Evaluation }>;
}

const MOST_ROLLOUTS = 100;

/** Explains what a printer would be sent, and why. */
@Injectable()
export class PrinterDecision {
  constructor(
    private readonly printers: PrinterService,
    private readonly presence: Presence,
    private readonly rules: RolloutRules,
    private readonly updates: CountingUpdates,
  ) {}

  /** What a printer would be sent now, or the reason for nothing. */
  async of(printer: Printer): Promise<Decision> {
    const rules = await this.rules.forReading();
    const context = updateContextOf(await this.updates.ofPrinter(printer.id), rules, false);
    return decide(rules.factsOf(printer), rules.rules, context);
  }

  /**
   * The decision, with the evaluation of each rollout.
   *
   * @throws NotFoundError if there is no such printer
   */
  async explain(printerKey: number | string): Promise<Explanation> {
    const printer = await this.printers.get(printerKey);
    const rules = await this.rules.forReading();
    const facts = rules.factsOf(printer);
    const context = updateContextOf(await this.updates.ofPrinter(printer.id), rules, false);
    return {
      printer,
      online: this.presence.isOnline(printer.id),
      bucket: bucketOf(printer.uuid),
      decision: decide(facts, rules.rules, context),
      verdicts: rules.rules
        .slice(0, MOST_ROLLOUTS)
        .map((rule) => ({ rule, evaluation: evaluate(facts, rule, context) })),
    };
  }
}
