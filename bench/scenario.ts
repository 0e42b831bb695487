import type { Child } from './child.js';
import type { Figure, Measured } from './figure.js';
import type { Fixtures } from './fixtures.js';
import type { ConnectOrder, LoadResult } from './ipc.js';
import { startBaseline, startClient, startServer } from './sides.js';
import type { Sizes } from './sizes.js';
import type { Workspace } from './workspace.js';

/** The context of every scenario. */
export interface Bench {
  workspace: Workspace;
  sizes: Sizes;
  fixtures: Fixtures;
  /** How long the soak runs, in seconds. */
  soakSeconds: number;
}

/** The data of a plot. */
export interface Series {
  name: string;
  unit: string;
  x: { name: string; scale: 'log' | 'linear' };
  points: Array<[number, number]>;
}

/** The result of a scenario. */
export interface Outcome {
  figures: Figure[];
  series?: Series[];
}

/** A group of figures that are measured together. */
export interface Scenario {
  name: string;
  title: string;
  run: (bench: Bench) => Promise<Outcome>;
}

export type Side = 'server' | 'baseline';

/** Indexes of printers that only warm a server up. */
export const WARM_UP_FIRST = 50_000_000;

/** A server (or a bare `ws` baseline) on an empty database, and a load client; both end with the work. */
export async function withSide<T>(
  bench: Bench,
  side: Side,
  work: (child: Child, client: Child, folder: string) => Promise<T>,
): Promise<T> {
  const { workspace } = bench;
  const folder = workspace.folder(side);
  const child =
    side === 'server'
      ? await startServer(workspace, folder)
      : await startBaseline(workspace, 'bare-ws', folder, folder);
  return withClient(bench, child, folder, work);
}

/** The real server on a database that is there already. */
export async function withServerOn<T>(
  bench: Bench,
  folder: string,
  work: (child: Child, client: Child) => Promise<T>,
): Promise<T> {
  return withClient(bench, await startServer(bench.workspace, folder), folder, work);
}

async function withClient<T>(
  { workspace }: Bench,
  child: Child,
  folder: string,
  work: (child: Child, client: Child, folder: string) => Promise<T>,
): Promise<T> {
  const client = await startClient(workspace);
  try {
    return await work(child, client, folder);
  } finally {
    // A client that just ends would leave the ports of all its connections in TIME_WAIT.
    await client.ask('close', {});
    await client.stop();
    await child.stop();
    workspace.remove(folder);
  }
}

/** What the load client is to connect, unless said otherwise. */
export function connectOrder(bench: Bench, child: Child, changes: Partial<ConnectOrder> = {}): ConnectOrder {
  const { printers, inFlight } = bench.sizes;
  const all = { first: 0, count: printers, stride: 1, inFlight, awaitUpdate: false };
  return { port: child.port, ...all, ...changes };
}

/** Runs a load and says what it cost: per second, as the client saw it, and in the measured process. */
export async function measure(child: Child, load: () => Promise<LoadResult>): Promise<Measured> {
  await child.reset();
  const before = await child.ask('read', {});
  const { done, failed, seconds, latency, clientCpu } = await load();
  const { loop, cpuMs } = await child.ask('read', {});
  const cpu = (cpuMs - before.cpuMs) / (seconds * 1_000);
  return { value: done / seconds, failed, latency, loop, peakBytes: child.memory().peak, cpu, clientCpu };
}

/** Ends every connection, and waits until the other side has noticed. */
export async function disconnect(child: Child, client: Child): Promise<void> {
  await client.ask('close', {});
  await child.untilIdle();
}
