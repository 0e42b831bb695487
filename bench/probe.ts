import { Agent, get } from 'node:http';
import { latencyOf, monotonicMs } from './stats.js';
import type { Latency } from './stats.js';

/** Results of a probe's requests. */
export interface ProbeResult {
  latency: Latency;
  done: number;
  failed: number;
}

/**
 * Sends requests at a fixed rate, whether or not answers have arrived (open loop). A request is timed from the moment at which it was due,
 * so time that it had to wait because the server was blocked counts in full.
 */
export class Probe {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 200 });
  private readonly startedAt = monotonicMs();
  private readonly took: number[] = [];
  private readonly pending: Array<Promise<void>> = [];
  private failed = 0;
  private asked = 0;
  private timer: NodeJS.Timeout | undefined;

  /** @param path of the request with this number */
  constructor(
    private readonly port: number,
    private readonly perSecond: number,
    private readonly path: (index: number) => string,
  ) {
    this.tick();
  }

  /** Runs for a number of seconds. */
  static async run(
    port: number,
    perSecond: number,
    seconds: number,
    path: (index: number) => string,
  ): Promise<ProbeResult> {
    const probe = new Probe(port, perSecond, path);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    return probe.stop();
  }

  /** Stops sending, and waits for the missing answers. */
  async stop(): Promise<ProbeResult> {
    clearTimeout(this.timer);
    await Promise.all(this.pending);
    this.agent.destroy();
    return { latency: latencyOf(this.took), done: this.took.length, failed: this.failed };
  }

  private tick(): void {
    const now = monotonicMs();
    while (this.dueAt(this.asked) <= now) {
      this.pending.push(this.ask(this.asked));
      this.asked += 1;
    }
    this.timer = setTimeout(() => this.tick(), this.dueAt(this.asked) - now);
  }

  private dueAt(index: number): number {
    return this.startedAt + (index * 1_000) / this.perSecond;
  }

  private ask(index: number): Promise<void> {
    const dueAt = this.dueAt(index);
    return new Promise((resolve) => {
      const options = { host: '127.0.0.1', port: this.port, path: this.path(index), agent: this.agent };
      const ended = (ok: boolean): void => {
        if (ok) this.took.push(monotonicMs() - dueAt);
        else this.failed += 1;
        resolve();
      };
      const request = get(options, (response) => {
        response.resume();
        response.on('end', () => ended(response.statusCode === 200));
        response.on('error', () => ended(false));
      });
      request.on('error', () => ended(false));
    });
  }
}
