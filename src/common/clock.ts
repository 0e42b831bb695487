import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';

// Maximum milliseconds between two readings that count as running time. Readings are a second apart; a busy event loop makes it a few.
const MAX_STEP_MS = 5_000;
const READ_EVERY_MS = 1_000;

/** The only source of the current time; services depend on it so that a test can move it. */
@Injectable()
export class Clock implements OnModuleInit, OnModuleDestroy {
  private elapsedMs = 0;
  private interruptedMs = 0;
  private read = { monotonic: this.monotonic(), wall: this.now().getTime() };
  private timer: NodeJS.Timeout | undefined;

  onModuleInit(): void {
    this.timer = setInterval(() => this.uptime(), READ_EVERY_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** The current instant by the machine's clock, which may be set forward or back. */
  now(): Date {
    return new Date();
  }

  /**
   * How long this process has run, in milliseconds. It never goes back and is independent of changes to the clock; time in which the
   * machine was suspended or the process was stopped does not count.
   */
  uptime(): number {
    const read = { monotonic: this.monotonic(), wall: this.now().getTime() };
    const step = read.monotonic - this.read.monotonic;
    this.elapsedMs += Math.min(step, MAX_STEP_MS);
    // Some systems stop the monotonic clock while the machine is suspended: only the wall clock advances then.
    const gap = Math.max(step, read.wall - this.read.wall);
    if (gap > MAX_STEP_MS) this.interruptedMs = this.elapsedMs;
    this.read = read;
    return this.elapsedMs;
  }

  /** Milliseconds of uptime since the start, or since the process was last suspended. */
  sinceInterruption(): number {
    return this.uptime() - this.interruptedMs;
  }

  /** Milliseconds of a monotonic clock. */
  protected monotonic(): number {
    return performance.now();
  }
}
