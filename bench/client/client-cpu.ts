import { monotonicMs } from '../stats.js';

/** Measures the load of this process: a client without idle time would measure itself. */
export class ClientCpu {
  private readonly startedAt = monotonicMs();
  private readonly before = process.cpuUsage();

  /** The elapsed seconds, and the share of one core that this process used. */
  stop(): { seconds: number; clientCpu: number } {
    const seconds = (monotonicMs() - this.startedAt) / 1_000;
    const { user, system } = process.cpuUsage(this.before);
    return { seconds, clientCpu: (user + system) / 1e6 / seconds };
  }
}
