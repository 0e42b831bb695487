const MINUTE_MS = 60_000;

/**
 * Counts events per caller, up to a limit per minute. Counts are dropped when their minute is over, so memory is bounded by the events of
 * one minute.
 */
export class MinuteQuota {
  private readonly taken = new Map<string, number>();
  private minute = 0;

  /** @param limit events per minute of each caller */
  constructor(readonly limit: number) {}

  /** Counts an event; false if it exceeds the limit, in which case it is not counted. */
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

  /** Takes back an event that was counted, but has not happened after all. If its minute is over, the present one gets one more. */
  giveBack(who: string): void {
    const taken = this.taken.get(who);
    if (taken !== undefined) this.taken.set(who, Math.max(0, taken - 1));
  }
}
