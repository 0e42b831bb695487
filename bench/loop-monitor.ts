import { monitorEventLoopDelay } from 'node:perf_hooks';
import { answerParent } from './ipc.js';

// Loaded with `node --import` into every process that is measured, and into the real server without a change to it.

// A block can seem shorter than it was by as much.
const RESOLUTION_MS = 2;

const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
histogram.enable();

/** The histogram holds the time between two beats of its timer; what is above the beat itself is delay. */
function delay(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
}

answerParent({
  reset: () => {
    histogram.reset();
    return {};
  },
  read: () => {
    const { user, system } = process.cpuUsage();
    return {
      loop: {
        p50: delay(histogram.percentile(50)),
        p99: delay(histogram.percentile(99)),
        max: delay(histogram.max),
      },
      rssBytes: process.memoryUsage.rss(),
      cpuMs: (user + system) / 1_000,
    };
  },
  gc: () => {
    globalThis.gc?.();
    return {};
  },
});

// A process outlives neither the benchmark nor its own end because of this channel.
process.on('disconnect', () => process.exit());
process.channel?.unref();
