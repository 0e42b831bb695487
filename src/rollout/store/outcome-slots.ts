import type { UpdateStatus } from '../rules/status.js';

/** Number of updates that ended with each outcome. */
export type Outcomes = Record<Exclude<UpdateStatus, 'in_progress'>, number>;

/** Length of the slots in which ended updates are counted, in milliseconds. */
export const SLOT_MS = 5 * 60_000;

/** The slot that an instant is counted in. */
export function slotOf(at: Date): number {
  return Math.floor(at.getTime() / SLOT_MS);
}
