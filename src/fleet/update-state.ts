import { decide } from '../rollout/rules/decide.js';
import type { Reason, UpdateContext } from '../rollout/rules/decide.js';
import type { PrinterFacts, RolloutRule } from '../rollout/rules/targeting.js';
import type { RuleSet } from '../rollout/store/rule-set.js';
import type { TargetPrinter } from '../printer/printer.service.js';

/** The state of a printer: it runs what it should, a newer version is held back, or one is due. */
export type UpdateState = 'on_target' | 'held' | 'due';

// Earlier updates are ignored: a printer is behind even if its update is in progress, failed or was declined.
const NO_EARLIER_UPDATES: UpdateContext = { earlier: new Map(), busy: false, reconnecting: false };

const HOLDING: ReadonlySet<Reason> = new Set<Reason>([
  'rollout_paused',
  'not_yet_scheduled',
  'not_in_percentage',
  'auto_update_off',
  'firmware_deprecated',
  'version_unknown',
  'image_damaged',
]);

/** Evaluates the state of a printer. A block only turns `due` into `held`. */
export function updateStateOf(printer: PrinterFacts, rules: readonly RolloutRule[]): UpdateState {
  const unblocked = printer.blocked ? { ...printer, blocked: false } : printer;
  const decision = decide(unblocked, rules, NO_EARLIER_UPDATES);
  if (decision.send) return printer.blocked ? 'held' : 'due';
  return HOLDING.has(decision.reason) ? 'held' : 'on_target';
}

/** Evaluates the state of a printer by the current rules. */
export function updateStateIn(printer: TargetPrinter, rules: RuleSet): UpdateState {
  return updateStateOf(rules.factsOf(printer), rules.rules);
}
