const EVERY_MS = 60_000;

/** Runs a callback at most once a minute, so a flood of identical events writes one log line. */
export class Throttle {
  private doneAt = -Infinity;

  run(work: () => void): void {
    const now = performance.now();
    if (now - this.doneAt < EVERY_MS) return;
    this.doneAt = now;
    work();
  }
}
