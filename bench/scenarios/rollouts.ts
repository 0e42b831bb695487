import { alternate, compared, ratioAtLeast } from '../figure.js';
import type { Measured } from '../figure.js';
import { uuidOf } from '../identity.js';
import { createRollout, upload } from '../rest.js';
import { WARM_UP_FIRST, connectOrder, disconnect, measure, withSide } from '../scenario.js';
import type { Bench, Outcome, Scenario } from '../scenario.js';

const MANY = 100;
const DUE = '2.0.0';
// Above the version that is due: these rollouts are looked at first, and refuse.
const OTHER = '3.0.0';

export const rollouts: Scenario = {
  name: 'rollouts',
  title: 'Many rollouts active at once',
  run: async (bench): Promise<Outcome> => {
    const pairs = await alternate(
      bench.sizes.repeats,
      () => run(bench, MANY),
      () => run(bench, 1),
    );
    const label = {
      name: `Connect and subscribe, known printers, ${MANY} rollouts active, one of them due`,
      unit: 'printers/s',
      baselineName: 'the server with only the one that is due',
      goal: ratioAtLeast(0.8),
      note: 'the others name users, printers, versions that nobody has, or 0 %',
    };
    return { figures: [compared(label, pairs)] };
  },
};

function run(bench: Bench, count: number): Promise<Measured> {
  return withSide(bench, 'server', async (child, client) => {
    const { warmUp } = bench.sizes;
    await client.ask('connect', connectOrder(bench, child));
    await disconnect(child, client);
    await upload(child.port, DUE);
    await upload(child.port, OTHER);
    for (let index = 1; index < count; index += 1)
      await createRollout(child.port, OTHER, othersRollout(index));
    await createRollout(child.port, DUE);
    const warm = { first: WARM_UP_FIRST, count: warmUp, awaitUpdate: true };
    await client.ask('connect', connectOrder(bench, child, warm));
    await disconnect(child, client);
    return measure(child, () => client.ask('connect', connectOrder(bench, child, { awaitUpdate: true })));
  });
}

/** A rollout for others than the printers that connect; of four kinds in turn. */
function othersRollout(index: number): object {
  const strangers = Array.from({ length: 100 }, (_, one) => uuidOf('stranger', index * 1_000 + one));
  switch (index % 4) {
    case 0:
      return { target: { user_ids: strangers } };
    case 1:
      return { target: { printer_ids: strangers } };
    case 2:
      return { target: { channels: ['stable'], max_version: '0.9.0' } };
    default:
      return { rollout_type: 'gradual', rollout_percentage: 0 };
  }
}
