import { decide } from '../../rules/decide.js';
import { targetRefusal } from '../../rules/targeting.js';
import type { RolloutRule } from '../../rules/targeting.js';
import type { PlanContext } from './context.js';
import type { PrinterState } from './printer-state.js';
import { reconcileHeldBack } from './reconcile.js';
import type { Step } from './step.js';
import { declineOnBehalf, endCancelled, openUpdate, updateContextOf } from './update-steps.js';

/** Decides what a printer that subscribes right now is sent. */
export function offerAtSubscribe(context: PlanContext, state: PrinterState): Step {
  const { rules } = context;
  const facts = rules.factsOf(state.printer);
  // Most printers are no target of anything.
  const naming = rules.rules.filter((rule) => targetRefusal(facts, rule) === null);
  return naming.length === 0 ? { state, send: null } : offer(context, state, naming, true);
}

/** Decides what a printer that has been connected for a while is sent now. */
export function offerToConnected(context: PlanContext, state: PrinterState): Step {
  const again = reconcileHeldBack(context, state);
  if (again.send !== null) return again;
  // The update that was held back may just have ended, which lets another one through.
  return offer(context, again.state, context.rules.rules, false);
}

function offer(
  context: PlanContext,
  state: PrinterState,
  rules: readonly RolloutRule[],
  reconnecting: boolean,
): Step {
  const facts = context.rules.factsOf(state.printer);
  const decision = decide(facts, rules, updateContextOf(state.updates, context.rules, reconnecting));
  let decided = state;
  for (const rule of decision.declines) decided = declineOnBehalf(context, decided, rule);
  if (!decision.send) return { state: decided, send: null };
  const { rule, build } = decision;
  decided = endCancelled(context, decided, rule);
  return { state: openUpdate(context, decided, rule, build), send: { rule, build } };
}
