import type { JobOf, Speaker } from './jobs.js';

/** Which connections have begun or ceased to speak for a printer within a batch: nobody else knows before it is committed. */
export class Speakers {
  private readonly accepted = new Map<string, Speaker>();
  private readonly refused = new Set<Speaker>();

  /** Notes what has become of a subscribe. */
  note({ request, speaker }: JobOf<'subscribe'>, accepted: boolean): void {
    if (accepted) {
      this.accepted.set(request.uuid, speaker);
      this.refused.delete(speaker);
    } else this.refused.add(speaker);
  }

  /** True if another connection than that of an offer speaks for its printer by now. */
  isReplaced({ uuid, speaker }: JobOf<'offer'>): boolean {
    const accepted = this.accepted.get(uuid);
    return accepted !== undefined && accepted !== speaker;
  }

  /** True if a report comes over the connection that speaks for its printer; from any other, it comes too late. */
  speaks({ uuid, speaker, speaks }: JobOf<'report'>): boolean {
    if (this.refused.has(speaker)) return false;
    const accepted = this.accepted.get(uuid);
    return accepted === undefined ? speaks : accepted === speaker;
  }
}
