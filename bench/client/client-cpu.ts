import { monotonicMs } from '../stats.js';

/** Measures how busy this process is: a client that has no time left would be what is measured. */
export class ClientCpu {
  private readonly startedAt = monotonicMs();
  private readonly before = process.cpuUsage();

  /** How long it took, and the share of one core that it took of this process. */
  stop(): { seconds: number; clientCpu: number } {
    const seconds = (monotonicMs() - this.startedAt) / 1_000;
    const { user, system } = process.cpuUsage(this.before);
    return { seconds, clientCpu: (user + system) / 1e6 / seconds };
  }
}
