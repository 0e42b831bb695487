/** When a rollout is created, and when it is scheduled for. */
export interface Creation {
  createdAt: Date;
  /** Null unless the rollout is scheduled. */
  scheduledFor: Date | null;
}

/**
 * Warnings about a rollout that is accepted although its operator may have meant something else.
 *
 * @param targets number of printers that match when it is created
 * @returns whole sentences without a full stop; empty if nothing is odd
 */
export function creationWarnings({ createdAt, scheduledFor }: Creation, targets: number): string[] {
  const warnings: string[] = [];
  // Decisions, "A rollout's life": a time that has passed starts the rollout at once.
  if (scheduledFor !== null && scheduledFor <= createdAt) {
    const ago = elapsed(createdAt.getTime() - scheduledFor.getTime());
    warnings.push(
      `scheduled_for ${scheduledFor.toISOString()} passed ${ago} ago, so the rollout starts at once`,
    );
  }
  if (targets === 0)
    warnings.push('No printer matches now; the rollout only reaches printers that match later');
  return warnings;
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** A duration in words, rounded down to its largest unit that fits twice: `45 seconds`, `26 hours`, `680 days`. */
function elapsed(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1_000);
  const [unit, size] = UNITS.find(([, length]) => seconds >= 2 * length) ?? ['second', 1];
  const amount = Math.floor(seconds / size);
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}
