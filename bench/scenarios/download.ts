import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TICK_MS, hasNginx, startNginx } from '../baseline/nginx.js';
import type { Nginx } from '../baseline/nginx.js';
import type { Child } from '../child.js';
import { alone, compared, ratioAtLeast, ratioAtMost } from '../figure.js';
import type { Figure, Goal, Measured, Pair } from '../figure.js';
import { createKey, createRollout, upload } from '../rest.js';
import { connectOrder, measure, withServerOn } from '../scenario.js';
import type { Bench, Outcome, Scenario } from '../scenario.js';
import { startBaseline } from '../sides.js';

const MIB = 2 ** 20;
const VERSION = '2.0.0';
// Share of bare node's rate, and of its cost the other way round.
const TARGET = 0.75;
// The shared image, and what sockets need: a copy of the image for each reader would be gigabytes.
const SLOW_READERS_LIMIT_MIB = 400;

/** What one side has shown in each run. */
interface Runs {
  server: Measured[];
  node: Measured[];
  nginx: Measured[];
}

/**
 * What boards really do: each asks once, by the address of its own update message and with the headers of its library, while API
 * keys are in force.
 */
export const download: Scenario = {
  name: 'download',
  title: 'Downloads of 1 MiB',
  run: async (bench): Promise<Outcome> => {
    const { workspace } = bench;
    const files = workspace.folder('files');
    const file = join(files, 'firmware.bin');
    writeFileSync(file, Buffer.alloc(MIB, 0xe9));
    return withServerOn(bench, workspace.folder('server'), async (server, client) => {
      const key = await createKey(server.port);
      await upload(server.port, VERSION, MIB, key);
      await createRollout(server.port, VERSION, {}, key);
      const node = await startBaseline(workspace, 'bare-http', workspace.folder('bare-http'), file);
      const nginx = hasNginx() ? await startNginx(workspace, files) : null;
      const runs = await takeTurns(bench, client, { server, node, nginx });
      await nginx?.stop();
      await node.stop();
      const slow = await slowReaders(bench, client, server);
      return { figures: [...besideNode(bench, runs), ...besideNginx(bench, runs), slow] };
    });
  },
};

/** Sends an update to printers that have none yet, and returns their addresses. Boards download within seconds, so each run begins so. */
async function sendUpdates(bench: Bench, server: Child, client: Child, count: number): Promise<string[]> {
  const known = (await client.ask('addresses', {})).paths.length;
  await client.ask('connect', connectOrder(bench, server, { first: known, count, awaitUpdate: true }));
  const { paths } = await client.ask('addresses', {});
  if (paths.length < known + count)
    throw new Error(`${paths.length - known} of ${count} printers were sent an update`);
  await server.untilIdle();
  return paths.slice(known);
}

/** Addresses that one run uses: one each to warm up, and then each client has several. */
function perRun({ sizes }: Bench): number {
  return sizes.downloadClients * (1 + sizes.downloadRounds);
}

/** Runs one side after the other, and all again: what disturbs the machine for long disturbs all of them. */
async function takeTurns(
  bench: Bench,
  client: Child,
  sides: { server: Child; node: Child; nginx: Nginx | null },
): Promise<Runs> {
  const runs: Runs = { server: [], node: [], nginx: [] };
  const { server, node, nginx } = sides;
  const others = Array.from({ length: perRun(bench) }, () => '/firmware.bin');
  await warmUp(bench, client, server, await sendUpdates(bench, server, client, perRun(bench)));
  await warmUp(bench, client, node, others);
  for (let turn = 0; turn < bench.sizes.repeats; turn += 1) {
    const addresses = await sendUpdates(bench, server, client, perRun(bench));
    runs.server.push(await load(bench, client, server, addresses));
    runs.node.push(await load(bench, client, node, others));
    if (nginx) runs.nginx.push(await load(bench, client, nginx, others));
  }
  return runs;
}

/** A rollout has thousands of downloads, but a run has few: without this, much of its processor time is the compiler's. */
async function warmUp(
  bench: Bench,
  client: Child,
  { port }: Child,
  addresses: readonly string[],
): Promise<void> {
  const { downloadClients: clients, downloadWarmUp: length } = bench.sizes;
  const paths = Array.from({ length }, (_, index) => addresses[index % addresses.length] ?? '/');
  await client.ask('download', { port, clients, bytes: MIB, paths });
}

async function load(
  bench: Bench,
  client: Child,
  side: Child | Nginx,
  paths: readonly string[],
): Promise<Measured> {
  const { downloadClients: clients } = bench.sizes;
  const order = { port: side.port, clients, bytes: MIB };
  await client.ask('download', { ...order, paths: paths.slice(0, clients) });
  const run = (): ReturnType<typeof client.ask<'download'>> =>
    client.ask('download', { ...order, paths: paths.slice(clients) });
  if (!('cpuMs' in side)) return measure(side, run);
  const before = side.cpuMs();
  const { done, failed, seconds, latency, clientCpu } = await run();
  // Of a short run not even one tick of the kernel's clock may be left.
  const cpu = Math.max(side.cpuMs() - before, TICK_MS) / (seconds * 1_000);
  return { value: done / seconds, failed, latency, cpu, clientCpu };
}

function besideNode(bench: Bench, runs: Runs): Figure[] {
  const name = 'bare node http sending a Buffer';
  return figures(bench, name, pairsOf(runs.server, runs.node), {
    rate: ratioAtLeast(TARGET),
    cost: ratioAtMost(Number((1 / TARGET).toFixed(2))),
  });
}

function besideNginx(bench: Bench, runs: Runs): Figure[] {
  const name = 'nginx, one process, sendfile';
  if (runs.nginx.length > 0) return figures(bench, name, pairsOf(runs.server, runs.nginx));
  const missing = { name: `${rateOf(bench)}, beside nginx`, unit: 'MiB/s' };
  return [alone({ ...missing, note: 'nginx is not installed (apt-get install nginx-light)' }, runs.server)];
}

function pairsOf(server: readonly Measured[], baseline: readonly Measured[]): Pair[] {
  return server.flatMap((one, index) => {
    const other = baseline[index];
    return other ? [{ server: one, baseline: other }] : [];
  });
}

function rateOf({ sizes }: Bench): string {
  return `Download of 1 MiB by ${sizes.downloadClients} clients at once`;
}

/** The rate and the cost of each download; the cost says more if the client is at its limit. */
function figures(
  bench: Bench,
  baselineName: string,
  pairs: readonly Pair[],
  goals?: { rate: Goal; cost: Goal },
): Figure[] {
  const beside = `beside ${baselineName.split(',', 1)[0] ?? ''}`;
  const note =
    "a new connection, printer and token for each, seconds after its update message, with a board's own headers; keys in force";
  const costs = pairs.map(({ server, baseline }) => ({ server: costOf(server), baseline: costOf(baseline) }));
  return [
    compared(
      {
        name: `${rateOf(bench)}, ${beside}`,
        unit: 'MiB/s',
        baselineName,
        note,
        ...(goals ? { goal: goals.rate } : {}),
      },
      pairs,
    ),
    compared(
      {
        name: `Processor time of one, ${beside}`,
        unit: 'ms',
        baselineName,
        ...(goals ? { goal: goals.cost } : {}),
      },
      costs,
    ),
  ];
}

function costOf({ value, cpu = 0, failed = 0 }: Measured): Measured {
  return { value: (cpu * 1_000) / value, failed };
}

async function slowReaders(bench: Bench, client: Child, server: Child): Promise<Figure> {
  const { slowReaders: clients, slowSeconds: seconds } = bench.sizes;
  const paths = await sendUpdates(bench, server, client, clients);
  await server.settledRss();
  await server.reset();
  const { open } = await client.ask('slow', { port: server.port, paths, clients, seconds });
  const { loop } = await server.ask('read', {});
  const { peak } = server.memory();
  const limit = {
    text: `bounded: < ${SLOW_READERS_LIMIT_MIB} MiB`,
    isMet: ({ value }: { value: number }) => value < SLOW_READERS_LIMIT_MIB,
  };
  return alone({ name: `Peak memory with ${clients} slow readers of 1 MiB`, unit: 'MiB', goal: limit }, [
    { value: peak / MIB, loop, peakBytes: peak, failed: clients - open },
  ]);
}
