import { Throttle } from './throttle.js';

// A text that names something different each time must not fill the memory.
const MAX_TEXTS = 100;

/** Runs a callback at most once a minute for each text, so that an error which every request meets writes one log line. */
export class Repeats {
  private readonly throttles = new Map<string, Throttle>();

  run(text: string, work: () => void): void {
    let throttle = this.throttles.get(text);
    if (throttle === undefined) {
      throttle = new Throttle();
      this.throttles.set(text, throttle);
      const [oldest] = this.throttles.keys();
      if (this.throttles.size > MAX_TEXTS && oldest !== undefined) this.throttles.delete(oldest);
    }
    throttle.run(work);
  }
}
