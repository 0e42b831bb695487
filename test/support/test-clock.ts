import { Clock } from '../../src/common/clock.js';

// Shorter than what counts as an interruption.
const STEP_MS = 4_000;

/** The real time, moved by as much as a test wants. */
export class TestClock extends Clock {
  // The constructor of the base class reads the clock before a field of this class has its value.
  private wallOffset: number | undefined;
  private monotonicOffset: number | undefined;

  override now(): Date {
    return new Date(Date.now() + (this.wallOffset ?? 0));
  }

  /** Lets time pass, as it does while the server runs. */
  advance(milliseconds: number): void {
    this.uptime();
    for (let left = milliseconds; left > 0; left -= STEP_MS) {
      this.set(Math.min(left, STEP_MS));
      this.skip(Math.min(left, STEP_MS));
      this.uptime();
    }
  }

  /** Sets the clock forward, or back if negative; no time passes. */
  set(milliseconds: number): void {
    this.wallOffset = (this.wallOffset ?? 0) + milliseconds;
  }

  /**
   * Lets time pass while the machine is suspended.
   *
   * @param stopsMonotonic true for systems (Linux) whose monotonic clock stops meanwhile
   */
  suspend(milliseconds: number, stopsMonotonic = true): void {
    this.set(milliseconds);
    if (!stopsMonotonic) this.skip(milliseconds);
  }

  protected override monotonic(): number {
    return performance.now() + (this.monotonicOffset ?? 0);
  }

  private skip(milliseconds: number): void {
    this.monotonicOffset = (this.monotonicOffset ?? 0) + milliseconds;
  }
}
