import { Clock } from '../../src/common/clock.js';

/** The real time, moved by as much as a test wants. */
export class TestClock extends Clock {
  private offset = 0;

  override now(): Date {
    return new Date(Date.now() + this.offset);
  }

  /** Moves the time forward, or back where negative. */
  advance(milliseconds: number): void {
    this.offset += milliseconds;
  }
}
