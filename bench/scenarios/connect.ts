import type { Child } from '../child.js';
import { alternate, compared, ratioAtLeast } from '../figure.js';
import type { Measured } from '../figure.js';
import { createRollout, upload } from '../rest.js';
import { WARM_UP_FIRST, connectOrder, disconnect, measure, withSide } from '../scenario.js';
import type { Bench, Outcome, Scenario, Side } from '../scenario.js';

const PHASES = {
  fresh: { name: 'Connect and subscribe, new printers, nothing due', goal: ratioAtLeast(0.6) },
  known: { name: 'Connect and subscribe, known printers, nothing due', goal: ratioAtLeast(0.6) },
  knownDue: {
    name: 'The same, known, with an immediate rollout: update row and message',
    goal: ratioAtLeast(0.4),
  },
  freshDue: {
    name: 'The same, new, with an immediate rollout: update row and message',
    goal: ratioAtLeast(0.4),
  },
} as const;
type Phase = keyof typeof PHASES;
const PHASE_NAMES = ['fresh', 'known', 'knownDue', 'freshDue'] as const satisfies readonly Phase[];

export const connect: Scenario = {
  name: 'connect',
  title: 'Connect and subscribe, as fast as they come',
  run: async (bench): Promise<Outcome> => {
    const pairs = await alternate(
      bench.sizes.repeats,
      () => runSide(bench, 'server'),
      () => runSide(bench, 'baseline'),
    );
    const figures = PHASE_NAMES.map((phase) =>
      compared(
        {
          ...PHASES[phase],
          unit: 'printers/s',
          baselineName: 'bare ws, one grouped upsert' + (phase.endsWith('Due') ? ', one grouped insert' : ''),
          note: `${bench.sizes.printers} printers, ${bench.sizes.inFlight} under way at once`,
        },
        pairs.map(({ server, baseline }) => ({ server: server[phase], baseline: baseline[phase] })),
      ),
    );
    return { figures };
  },
};

function runSide(bench: Bench, side: Side): Promise<Record<Phase, Measured>> {
  const { printers, warmUp } = bench.sizes;
  return withSide(bench, side, async (child, client) => {
    const phase = async (first: number, count: number, awaitUpdate: boolean): Promise<Measured> => {
      const order = connectOrder(bench, child, { first, count, awaitUpdate });
      const measured = await measure(child, () => client.ask('connect', order));
      await disconnect(child, client);
      return measured;
    };
    await phase(WARM_UP_FIRST, warmUp, false);
    const fresh = await phase(0, printers, false);
    const known = await phase(0, printers, false);
    await makeOffers(child, side);
    await phase(WARM_UP_FIRST + warmUp, warmUp, true);
    const knownDue = await phase(0, printers, true);
    const freshDue = await phase(printers, printers, true);
    return { fresh, known, knownDue, freshDue };
  });
}

/** From now on every printer that connects gets an update. */
export async function makeOffers(child: Child, side: Side): Promise<void> {
  if (side === 'baseline') {
    await child.ask('offer', { on: true });
    return;
  }
  await upload(child.port, '2.0.0');
  await createRollout(child.port, '2.0.0');
}
