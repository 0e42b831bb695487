import type { Child } from '../child.js';
import { alternate, below, compared } from '../figure.js';
import type { Measured, Pair } from '../figure.js';
import { Probe } from '../probe.js';
import { connectOrder } from '../scenario.js';
import type { Bench, Outcome, Scenario, Side } from '../scenario.js';
import { freePort, startBaseline, startClient, startServer } from '../sides.js';
import { monotonicMs, sleep } from '../stats.js';

// As the boards do (printer protocol, "How the boards behave").
const BOARDS = { retryMs: 500, handshakeTimeoutMs: 5_000 };
const DOWN_MS = 2_000;
const PROBES_PER_SECOND = 50;
const TIMEOUT_MS = 120_000;

type Parts = Record<'back' | 'handshake' | 'rest', Measured> & { attempts: number };

export const restart: Scenario = {
  name: 'restart',
  title: 'A fleet that comes back at once after a restart',
  run: async (bench): Promise<Outcome> => {
    const pairs = await alternate(
      bench.sizes.repeats,
      () => runSide(bench, 'server'),
      () => runSide(bench, 'baseline'),
    );
    const part = (name: 'back' | 'handshake' | 'rest'): Pair[] =>
      pairs.map(({ server, baseline }) => ({ server: server[name], baseline: baseline[name] }));
    const attempts = Math.max(...pairs.map(({ server }) => server.attempts));
    const note = `${bench.sizes.printers} known printers, a retry every ${BOARDS.retryMs} ms, ${attempts} attempts`;
    const baselineName = 'bare ws, one grouped upsert';
    const all = { text: 'all subscribed', isMet: () => true };
    return {
      figures: [
        compared(
          {
            name: 'Restart: from listening until all are subscribed',
            unit: 'ms',
            baselineName,
            goal: all,
            note,
          },
          part('back'),
        ),
        compared(
          {
            name: 'Restart: longest handshake',
            unit: 'ms',
            baselineName,
            goal: below(BOARDS.handshakeTimeoutMs, 'ms, and none given up'),
          },
          part('handshake'),
        ),
        compared(
          {
            name: 'Restart: REST p99 meanwhile',
            unit: 'ms',
            baselineName: 'the same answered by bare node http',
            goal: below(250, 'ms'),
            note: `GET /api/printers/1, ${PROBES_PER_SECOND}/s`,
          },
          part('rest'),
        ),
      ],
    };
  },
};

async function runSide(bench: Bench, side: Side): Promise<Parts> {
  const { workspace, sizes } = bench;
  const folder = workspace.folder(side);
  const port = await freePort();
  const start = (): Promise<Child> =>
    side === 'server'
      ? startServer(workspace, folder, {}, port)
      : startBaseline(workspace, 'bare-ws', folder, folder, port);
  const first = await start();
  const client = await startClient(workspace);
  await client.ask('connect', connectOrder(bench, first));
  await client.ask('hold', BOARDS);
  await first.stop();
  await sleep(DOWN_MS);
  const second = await start();
  const upAt = monotonicMs();
  const probe = new Probe(port, PROBES_PER_SECOND, () => '/api/printers/1');
  const before = await client.ask('read', {});
  const back = await client.ask('back', { timeoutMs: TIMEOUT_MS });
  const after = await client.ask('read', {});
  const rest = await probe.stop();
  const { loop, cpuMs } = await second.ask('read', {});
  const took = monotonicMs() - upAt;
  // Of the new process all its time: it has done nothing but start and take the fleet back.
  const busy = { cpu: cpuMs / took, clientCpu: (after.cpuMs - before.cpuMs) / took };
  const peakBytes = second.memory().peak;
  await client.ask('close', {});
  await client.stop();
  await second.stop();
  workspace.remove(folder);
  return {
    back: { value: back.lastAt - upAt, failed: sizes.printers - back.subscribed, loop, peakBytes, ...busy },
    handshake: { value: back.handshake.max, latency: back.handshake, failed: back.gaveUp },
    rest: { value: rest.latency.p99, latency: rest.latency, failed: rest.failed },
    attempts: back.attempts,
  };
}
