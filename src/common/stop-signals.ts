const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * Ends a program cleanly when a signal tells it to stop. Node's default action would leave lock files behind, and process 1 of a container
 * has no default action: the kernel would drop the signal. So create it before anything else.
 */
export class StopSignals {
  private signal: NodeJS.Signals | null = null;
  private isDeferred = false;
  private readonly listener = (signal: NodeJS.Signals): void => {
    this.signal ??= signal;
    if (!this.isDeferred) this.end();
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.listener);
  }

  /** True if a signal has been received since `defer`. */
  get isReceived(): boolean {
    return this.signal !== null;
  }

  /** From now on, signals are only remembered: the caller has something to close first, and then calls `end`. */
  defer(): void {
    this.isDeferred = true;
  }

  /**
   * Leaves the signals to others.
   *
   * @param announce called once for each signal, before those that obey it
   */
  replace(announce: (signal: NodeJS.Signals) => void): void {
    this.ignore();
    for (const signal of SIGNALS) process.once(signal, announce);
  }

  /** Ends the process by the signal that was received, after everything that listens for its exit has run (locks are released). */
  end(): void {
    const { signal } = this;
    if (signal === null) return;
    this.ignore();
    // Listeners run in the order in which they were added. Process 1 survives its own signal, and exits with 0 as after any stop.
    process.once('exit', () => process.kill(process.pid, signal));
    process.exit(0);
  }

  private ignore(): void {
    for (const signal of SIGNALS) process.off(signal, this.listener);
  }
}
