import { join } from 'node:path';
import type { Child } from '../child.js';
import { alone, below } from '../figure.js';
import type { Figure } from '../figure.js';
import { log, messageOf } from '../log.js';
import { Probe } from '../probe.js';
import type { ProbeResult } from '../probe.js';
import type { Bench, Outcome, Scenario } from '../scenario.js';
import { DATABASE, startServer } from '../sides.js';
import { latencyOf, monotonicMs, slope } from '../stats.js';
import { Fleet } from '../../src/simulator/fleet.js';
import { wrongCounters } from './soak-check.js';
import { livesThroughRollouts, settled } from './soak-life.js';

const SAMPLE_MS = 1_000;
const MIB = 2 ** 20;
// The share of the time that is not looked at: caches fill, code is compiled.
const WARM_UP_SHARE = 0.25;
const FLAT_SHARE = 0.1;
const PROBES_PER_SECOND = 10;

/** Minutes since the start, and resident set in MiB. */
type Sample = [number, number];

export const soak: Scenario = {
  name: 'soak',
  title: 'Soak: virtual printers that live through rollouts',
  run: async (bench): Promise<Outcome> => {
    const { workspace, soakSeconds } = bench;
    const folder = workspace.folder('soak');
    const server = await startServer(workspace, folder, { UPDATE_TIMEOUT_MINUTES: '1' });
    const fleet = simulated(bench, server.port);
    await fleet.start();
    const probe = new Probe(server.port, PROBES_PER_SECOND, () => '/api/printers/1');
    const sampler = new Sampler(server, fleet);
    const rollouts = await livesThroughRollouts(server.port, soakSeconds);
    const rest = await probe.stop();
    const samples = sampler.stop();
    await settled(server.port, rollouts);
    await fleet.stop();
    await server.untilIdle();
    const wrong = await wrongCounters(server.port, join(folder, DATABASE), rollouts);
    const updates = wrong.updates;
    for (const line of wrong.lines) log(`  ${line}`);
    const { peak } = server.memory();
    await server.stop();
    workspace.remove(folder);
    return {
      figures: [
        flatness(bench, samples, peak),
        counters(rollouts.length, updates, wrong.lines),
        answers(rest),
      ],
      series: [
        {
          name: 'Soak: resident set of the server',
          unit: 'MiB',
          x: { name: 'minutes', scale: 'linear' },
          points: samples,
        },
      ],
    };
  },
};

function simulated({ sizes }: Bench, port: number): Fleet {
  return new Fleet({
    server: `http://127.0.0.1:${port}`,
    printers: sizes.soakPrinters,
    users: Math.ceil(sizes.soakPrinters / 3),
    seed: 'soak',
    versions: ['1.3.0', '1.4.0'],
    channels: { beta: 0.1, canary: 0.02 },
    platforms: ['esp8266', 'esp32'],
    failing: 0.02,
    declining: 0.01,
    hanging: 0.002,
    rollingBack: 0.01,
    rebootMs: 1_000,
  });
}

/** Looks at the server's memory every second. */
class Sampler {
  private readonly samples: Sample[] = [];
  private readonly startedAt = monotonicMs();
  private readonly timer: NodeJS.Timeout;

  constructor(server: Child, fleet: Fleet) {
    this.timer = setInterval(() => {
      try {
        this.samples.push([(monotonicMs() - this.startedAt) / 60_000, server.memory().rss / MIB]);
      } catch (error) {
        log(`  no sample: ${messageOf(error)}`);
      }
      // Virtual printers remember every message: for a test a help, for a soak a leak of our own.
      for (const printer of fleet.printers) printer.received.length = printer.orders.length = 0;
    }, SAMPLE_MS);
  }

  stop(): Sample[] {
    clearInterval(this.timer);
    return this.samples;
  }
}

function flatness({ sizes, soakSeconds }: Bench, samples: readonly Sample[], peakBytes: number): Figure {
  const looked = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const [first] = looked[0] ?? [0];
  const [last] = looked.at(-1) ?? [0];
  const perMinute = slope(looked);
  const { p50 } = latencyOf(looked.map(([, mib]) => mib));
  const grown = perMinute * (last - first);
  return alone(
    {
      name: 'Soak: growth of memory after warm-up',
      unit: 'MiB/h',
      goal: { text: 'flat: < 10 % over the run', isMet: () => grown < FLAT_SHARE * p50 },
      note:
        `${sizes.soakPrinters} printers, ${(soakSeconds / 60).toFixed(1)} minutes; median ${p50.toFixed(0)} MiB, ` +
        `trend over the run ${grown.toFixed(1)} MiB`,
    },
    [{ value: perMinute * 60, peakBytes }],
  );
}

function counters(rollouts: number, updates: number, wrong: readonly string[]): Figure {
  return alone(
    {
      name: 'Soak: rollouts whose counters differ from the rows',
      unit: 'rollouts',
      goal: { text: '0', isMet: ({ value }) => value === 0 },
      note: [`${rollouts} rollouts, ${updates} update rows`, ...wrong.slice(0, 3)].join('; '),
    },
    [{ value: wrong.length }],
  );
}

function answers({ latency, failed }: ProbeResult): Figure {
  const label = { name: 'Soak: REST p99 meanwhile', unit: 'ms', goal: below(250, 'ms') };
  return alone({ ...label, note: `GET /api/printers/1, ${PROBES_PER_SECOND}/s` }, [
    { value: latency.p99, latency, failed },
  ]);
}
