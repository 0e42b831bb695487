import { alternate, compared, ratioAtMost } from '../figure.js';
import type { Measured } from '../figure.js';
import { connectOrder, withSide } from '../scenario.js';
import type { Bench, Outcome, Scenario, Side } from '../scenario.js';

export const memory: Scenario = {
  name: 'memory',
  title: 'Memory of a connected printer',
  run: async (bench): Promise<Outcome> => {
    const pairs = await alternate(
      bench.sizes.repeats,
      () => runSide(bench, 'server'),
      () => runSide(bench, 'baseline'),
    );
    const label = {
      name: 'Memory per connected, subscribed, idle printer',
      unit: 'KiB',
      baselineName: 'bare ws',
      goal: ratioAtMost(2),
      note: 'growth of the resident set, garbage collected',
    };
    return { figures: [compared(label, pairs)] };
  },
};

function runSide(bench: Bench, side: Side): Promise<Measured> {
  const { printers, warmUp } = bench.sizes;
  return withSide(bench, side, async (child, client) => {
    // These stay: memory that closed sockets had left behind would be used again, and the others would seem to need none.
    await client.ask('connect', connectOrder(bench, child, { count: warmUp }));
    const before = await child.settledRss();
    const count = printers - warmUp;
    const { failed } = await client.ask('connect', connectOrder(bench, child, { first: warmUp, count }));
    const after = await child.settledRss();
    return { value: (after - before) / count / 1_024, failed, peakBytes: child.memory().peak };
  });
}
