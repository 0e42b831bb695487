import type { Build, RolloutRule } from '../../rules/targeting.js';
import type { PrinterState } from './printer-state.js';

/** A build to send. */
export interface Send {
  rule: RolloutRule;
  build: Build;
}

/** What a step does to a printer. */
export interface Step {
  state: PrinterState;
  /** What is to be sent once the state is saved; null if nothing is. */
  send: Send | null;
}
