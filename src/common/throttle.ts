const EVERY_MS = 60_000;

/** Does something at most once a minute: of what comes by the thousand, not each is a line of the log. */
export class Throttle {
  private doneAt = -Infinity;

  run(work: () => void): void {
    const now = performance.now();
    if (now - this.doneAt < EVERY_MS) return;
    this.doneAt = now;
    work();
  }
}
