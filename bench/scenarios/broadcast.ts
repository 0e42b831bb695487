import type { Child } from '../child.js';
import { alone, alternate, below, compared, ratioAtMost } from '../figure.js';
import type { Measured } from '../figure.js';
import { Probe } from '../probe.js';
import { createRollout, upload } from '../rest.js';
import { connectOrder, withSide } from '../scenario.js';
import type { Bench, Outcome, Scenario, Side } from '../scenario.js';
import { monotonicMs, sleep } from '../stats.js';

const PROBES_PER_SECOND = 100;
const TIMEOUT_MS = 120_000;
// The probe's own connections are opened before anything is measured.
const PROBE_WARM_UP_MS = 300;

type Parts = Record<'first' | 'last' | 'answer' | 'rest', Measured>;

export const broadcast: Scenario = {
  name: 'broadcast',
  title: 'Create an immediate rollout while everybody is connected',
  run: async (bench): Promise<Outcome> => {
    const pairs = await alternate(
      bench.sizes.repeats,
      () => runSide(bench, 'server'),
      () => runSide(bench, 'baseline'),
    );
    const part = (name: keyof Parts): Array<{ server: Measured; baseline: Measured }> =>
      pairs.map(({ server, baseline }) => ({ server: server[name], baseline: baseline[name] }));
    const baselineName = 'bare broadcast of the same messages, grouped inserts';
    const note = `${bench.sizes.printers} printers connected`;
    return {
      figures: [
        compared(
          {
            name: 'Create a rollout: last message received',
            unit: 'ms',
            baselineName,
            goal: ratioAtMost(2),
            note,
          },
          part('last'),
        ),
        compared(
          { name: 'Create a rollout: first message received', unit: 'ms', baselineName },
          part('first'),
        ),
        alone(
          { name: 'Create a rollout: answer to the operator', unit: 'ms' },
          part('answer').map(({ server }) => server),
        ),
        alone(
          {
            name: 'Create a rollout: REST p99 meanwhile',
            unit: 'ms',
            goal: below(50, 'ms'),
            note: `GET /api/printers/1, ${PROBES_PER_SECOND}/s`,
          },
          part('rest').map(({ server }) => server),
        ),
      ],
    };
  },
};

function runSide(bench: Bench, side: Side): Promise<Parts> {
  const { printers } = bench.sizes;
  return withSide(bench, side, async (child, client) => {
    if (side === 'server') await upload(child.port, '2.0.0');
    await client.ask('connect', connectOrder(bench, child));
    await child.untilIdle();
    await client.ask('arm', {});
    const probe = new Probe(child.port, PROBES_PER_SECOND, () => '/api/printers/1');
    await sleep(PROBE_WARM_UP_MS);
    await child.reset();
    const startedAt = monotonicMs();
    const answered = send(child, side).then(() => monotonicMs() - startedAt);
    const updates = await client.ask('updates', { count: printers, timeoutMs: TIMEOUT_MS });
    const rest = await probe.stop();
    const { loop } = await child.ask('read', {});
    const common = { failed: printers - updates.count, loop, peakBytes: child.memory().peak };
    return {
      first: { value: updates.firstAt - startedAt },
      last: { value: updates.lastAt - startedAt, ...common },
      answer: { value: await answered },
      rest: { value: rest.latency.p99, latency: rest.latency, failed: rest.failed },
    };
  });
}

async function send(child: Child, side: Side): Promise<void> {
  if (side === 'server') await createRollout(child.port, '2.0.0');
  else await child.ask('broadcast', {});
}
