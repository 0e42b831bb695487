import { alternate, compared, ratioAtLeast } from '../figure.js';
import type { Measured } from '../figure.js';
import { connectOrder, measure, withSide } from '../scenario.js';
import type { Bench, Outcome, Scenario, Side } from '../scenario.js';
import { makeOffers } from './connect.js';

const WARM_UP_SECONDS = 1;

export const progress: Scenario = {
  name: 'progress',
  title: 'Progress reports',
  run: async (bench): Promise<Outcome> => {
    const { repeats, progressSockets, progressWindow } = bench.sizes;
    const pairs = await alternate(
      repeats,
      () => runSide(bench, 'server'),
      () => runSide(bench, 'baseline'),
    );
    const label = {
      name: 'Progress reports',
      unit: 'reports/s',
      baselineName: 'bare ws parsing the same messages',
      goal: ratioAtLeast(0.5),
      note: `${progressSockets} printers with an update under way, each at most ${progressWindow} reports ahead`,
    };
    return { figures: [compared(label, pairs)] };
  },
};

function runSide(bench: Bench, side: Side): Promise<Measured> {
  const { progressSockets: count, progressSeconds, progressWindow: window } = bench.sizes;
  return withSide(bench, side, async (child, client) => {
    await makeOffers(child, side);
    await client.ask('connect', connectOrder(bench, child, { count, awaitUpdate: true }));
    await client.ask('progress', { seconds: WARM_UP_SECONDS, window });
    await child.untilIdle();
    return measure(child, () => client.ask('progress', { seconds: progressSeconds, window }));
  });
}
