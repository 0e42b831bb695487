const MINUTE_MS = 60_000;

/**
 * Counts events by who causes them, up to a limit a minute. Counts are forgotten when their minute is over, so memory is bounded by
 * what happens in one minute.
 */
export class MinuteQuota {
  private readonly taken = new Map<string, number>();
  private minute = 0;

  /** @param limit events a minute of each */
  constructor(readonly limit: number) {}

  /** Counts an event; false if it is one too many, which is not counted. */
  take(who: string): boolean {
    const minute = Math.floor(performance.now() / MINUTE_MS);
    if (minute !== this.minute) {
      this.minute = minute;
      this.taken.clear();
    }
    const taken = this.taken.get(who) ?? 0;
    if (taken >= this.limit) return false;
    this.taken.set(who, taken + 1);
    return true;
  }
}
