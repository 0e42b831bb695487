import type { RegistrationPolicy } from '../../../printer/registration/admission.js';
import type { RuleSet } from '../../store/rule-set.js';

/** Everything a plan depends on besides the jobs and the printers. */
export interface PlanContext {
  readonly rules: RuleSet;
  readonly now: Date;
  /** Seconds of `ServiceTime`. */
  readonly serviceTime: number;
  readonly policy: RegistrationPolicy;
}
