import { decide } from '../rollout/domain/decide.js';
import type { Reason, Situation } from '../rollout/domain/decide.js';
import type { PrinterFacts, RolloutRule } from '../rollout/domain/targeting.js';
import type { RuleSet } from '../rollout/rule-set.js';
import type { TargetPrinter } from '../printer/printer.service.js';

/** Where a printer stands: it runs what it should, something newer is held back from it, or something is due for it. */
export type Standing = 'on_target' | 'held' | 'due';

// What was sent before is left out: an update that is under way, or has failed, leaves its printer behind all the same.
const FRESH: Situation = { earlier: new Map(), busy: false, comesBack: false };

const HOLDING: ReadonlySet<Reason> = new Set<Reason>([
  'rollout_paused',
  'not_yet_scheduled',
  'not_in_percentage',
  'auto_update_off',
  'firmware_deprecated',
  'version_unknown',
  'image_damaged',
]);

/** Says where a printer stands. A block holds back what would be due, and nothing else. */
export function standingOf(printer: PrinterFacts, rules: readonly RolloutRule[]): Standing {
  const unblocked = printer.blocked ? { ...printer, blocked: false } : printer;
  const decision = decide(unblocked, rules, FRESH);
  if (decision.send) return printer.blocked ? 'held' : 'due';
  return HOLDING.has(decision.reason) ? 'held' : 'on_target';
}

/** Says where a printer stands by the rules that are in force. */
export function standingIn(printer: TargetPrinter, rules: RuleSet): Standing {
  return standingOf(rules.factsOf(printer), rules.rules);
}
