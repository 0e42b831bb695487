/** Waits until something has happened a given number of times. */
export class Countdown {
  private done: () => void = () => undefined;

  constructor(private remaining: number) {}

  /** How often it has not happened yet. */
  get left(): number {
    return Math.max(0, this.remaining);
  }

  /** It has happened once. */
  one(): void {
    this.remaining -= 1;
    if (this.remaining <= 0) this.done();
  }

  /** Resolves when it has happened often enough, or when the time is over: see `left`. */
  async wait(timeoutMs: number): Promise<void> {
    if (this.remaining <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.done = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
