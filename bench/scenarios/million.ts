import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Child } from '../child.js';
import { alone, alternate, below, compared, ratioAtLeast } from '../figure.js';
import type { Figure, Measured } from '../figure.js';
import { COMMON_VERSION } from '../identity.js';
import { Probe } from '../probe.js';
import { changeRollout, createRollout, upload } from '../rest.js';
import { measure, withServerOn } from '../scenario.js';
import type { Bench, Outcome, Scenario } from '../scenario.js';
import { DATABASE, startBaseline } from '../sides.js';
import { monotonicMs } from '../stats.js';
import { versionKey } from '../../src/common/version.js';

const CREATES = 5;
const LOAD_CONNECTIONS = 10;
const TARGET = { target: { channels: ['stable'] } };

export const million: Scenario = {
  name: 'million',
  title: 'A large database',
  run: async (bench): Promise<Outcome> => {
    const folder = await bench.fixtures.seeded(bench.sizes.million);
    const counted = countByIndex(join(folder, DATABASE));
    return withServerOn(bench, folder, async (server, client) => {
      await upload(server.port, '2.0.0');
      const created = await creates(bench, server, counted);
      const { id } = await createRollout(server.port, '2.0.0', TARGET);
      const read = [];
      for (const [name, path] of Object.entries(readPaths(bench, id))) {
        read.push(await readAtFixedRate(bench, server, name, path));
      }
      return { figures: [...created, ...read, await throughput(bench, server, client, folder)] };
    });
  },
};

async function creates(bench: Bench, server: Child, counted: Counted): Promise<Figure[]> {
  const answers: Measured[] = [];
  const blocks: Measured[] = [];
  for (let turn = 0; turn <= CREATES; turn += 1) {
    await server.untilIdle();
    await server.reset();
    const startedAt = monotonicMs();
    const { id, total_targets } = await createRollout(server.port, '2.0.0', TARGET);
    const value = monotonicMs() - startedAt;
    // A quick answer that is wrong is worth nothing.
    if (total_targets !== counted.targets)
      throw new Error(`${total_targets} targets, not ${counted.targets}`);
    await server.untilIdle();
    const { loop } = await server.ask('read', {});
    await changeRollout(server.port, id, { status: 'cancelled' });
    // The first one warms up.
    if (turn === 0) continue;
    answers.push({ value, loop, peakBytes: server.memory().peak });
    blocks.push({ value: loop.max });
  }
  const name = `Create a rollout over ${bench.sizes.million} known printers, none connected`;
  const baselineName = 'SELECT count(*) by the best index';
  return [
    compared(
      { name: `${name}: answer`, unit: 'ms', baselineName, goal: below(100, 'ms') },
      answers.map((server) => ({ server, baseline: { value: counted.ms } })),
    ),
    alone({ name: `${name}: longest block of the event loop`, unit: 'ms', goal: below(50, 'ms') }, blocks),
  ];
}

interface Counted {
  targets: number;
  ms: number;
}

/** How many targets there are, and what it costs to count them, at best. */
function countByIndex(file: string): Counted {
  const database = new Database(file, { readonly: true });
  const statement = database
    .prepare(`SELECT count(*) FROM printer WHERE update_channel = 'stable' AND version_key < ?`)
    .pluck();
  let targets = 0;
  let ms = Infinity;
  for (let turn = 0; turn < CREATES; turn += 1) {
    const startedAt = monotonicMs();
    targets = Number(statement.get(versionKey('2.0.0')));
    ms = Math.min(ms, monotonicMs() - startedAt);
  }
  database.close();
  return { targets, ms };
}

function readPaths(bench: Bench, rolloutId: number): Record<string, (index: number) => string> {
  const anyPrinter = (): number => 1 + Math.floor(Math.random() * bench.sizes.million);
  const list = `/api/printers?channel=stable&firmware_version=${COMMON_VERSION}&limit=100`;
  return {
    'GET /api/rollouts/{id}': () => `/api/rollouts/${rolloutId}`,
    [`GET ${list}`]: () => list,
    'GET /api/printers/{id}': () => `/api/printers/${anyPrinter()}`,
    'GET /api/printers/{id}/updates': () => `/api/printers/${anyPrinter()}/updates`,
  };
}

async function readAtFixedRate(
  bench: Bench,
  server: Child,
  name: string,
  path: (index: number) => string,
): Promise<Figure> {
  const { readRate, readSeconds, updatesEach, million: printers } = bench.sizes;
  await Probe.run(server.port, readRate, 1, path);
  await server.untilIdle();
  await server.reset();
  const { latency, failed } = await Probe.run(server.port, readRate, readSeconds, path);
  const { loop } = await server.ask('read', {});
  const label = {
    name: `${name}: p99`,
    unit: 'ms',
    goal: below(20, 'ms'),
    note: `${readRate} requests/s; ${printers} printers, ${printers * updatesEach} update rows`,
  };
  return alone(label, [{ value: latency.p99, latency, loop, failed, peakBytes: server.memory().peak }]);
}

async function throughput(bench: Bench, server: Child, client: Child, folder: string): Promise<Figure> {
  const { workspace, sizes } = bench;
  const file = join(folder, DATABASE);
  const baseline = await startBaseline(workspace, 'bare-nest', workspace.folder('bare-nest'), file);
  const load = async (child: Child): Promise<Measured> => {
    const order = {
      port: child.port,
      path: '/api/printers/{id}',
      maxId: sizes.million,
      connections: LOAD_CONNECTIONS,
    };
    await client.ask('http', { ...order, seconds: 1 });
    return measure(child, () => client.ask('http', { ...order, seconds: sizes.loadSeconds }));
  };
  const pairs = await alternate(
    sizes.repeats,
    () => load(server),
    () => load(baseline),
  );
  await baseline.stop();
  const label = {
    name: 'Printer details, as fast as they are answered',
    unit: 'requests/s',
    baselineName: 'bare Nest handler, one prepared statement',
    goal: ratioAtLeast(0.8),
    note: `${LOAD_CONNECTIONS} keep-alive connections`,
  };
  return compared(label, pairs);
}
