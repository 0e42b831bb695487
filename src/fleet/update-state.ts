import { decide } from '../rollout/rules/decide.js';
import type { Reason, UpdateContext } from '../rollout/rules/decide.js';
import type { PrinterFacts, RolloutRule } from '../rollout/rules/targeting.js';
import type { RuleSet } from '../rollout/store/rule-set.js';
import type { TargetPrinter } from '../printer/printer.service.js';

/** Where a printer stands: it runs what it should, something newer is held back from it, or something is due for it. */
export type UpdateState = 'on_target' | 'held' | 'due';

// What was sent before is left out: an update that is under way, has failed or was declined leaves its printer behind all the same.
const FRESH: UpdateContext = { earlier: new Map(), busy: false, reconnecting: false };

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
export function updateStateOf(printer: PrinterFacts, rules: readonly RolloutRule[]): UpdateState {
  const unblocked = printer.blocked ? { ...printer, blocked: false } : printer;
  const decision = decide(unblocked, rules, FRESH);
  if (decision.send) return printer.blocked ? 'held' : 'due';
  return HOLDING.has(decision.reason) ? 'held' : 'on_target';
}

/** Says where a printer stands by the rules that are in force. */
export function updateStateIn(printer: TargetPrinter, rules: RuleSet): UpdateState {
  return updateStateOf(rules.factsOf(printer), rules.rules);
}
