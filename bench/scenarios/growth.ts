import type { Child } from '../child.js';
import { alone, ratioAtMost } from '../figure.js';
import type { Figure } from '../figure.js';
import { COMMON_VERSION } from '../identity.js';
import { log } from '../log.js';
import { connectOrder, disconnect } from '../scenario.js';
import type { Bench, Outcome, Scenario, Series } from '../scenario.js';
import { startClient, startServer } from '../sides.js';
import { median } from '../stats.js';
import { makeOffers } from './connect.js';

const PAGE = `/api/printers?channel=stable&firmware_version=${COMMON_VERSION}&limit=100`;
const PAGE_CONNECTIONS = 4;
const WARM_UP_ROUNDS = 2;
const MICROSECONDS = 1e6;

/** A server on a database of one size, and its client. */
interface Site {
  printers: number;
  /** The sample is spread over all printers. */
  stride: number;
  server: Child;
  client: Child;
}

/** What one thing costs, in microseconds; measured in a round with this number, below 0 for warming up. */
type Cost = (site: Site, round: number) => Promise<number>;

export const growth: Scenario = {
  name: 'growth',
  title: 'Cost by the number of printers in the database',
  run: async (bench): Promise<Outcome> => {
    const sites: Site[] = [];
    for (const printers of bench.sizes.growth) sites.push(await open(bench, printers));
    const connects = await measured(bench, sites, 'Cost per connect of a known printer', connectCost(bench));
    const pages = await measured(bench, sites, 'Cost per list page of 100 printers', pageCost(bench));
    for (const site of sites) await beginUpdates(bench, site);
    const reports = await measured(bench, sites, 'Cost per progress report', reportCost(bench));
    for (const { server, client } of sites) {
      await client.ask('close', {});
      await client.stop();
      await server.stop();
    }
    const series = [connects, reports, pages];
    return { figures: series.map(toFigure), series };
  },
};

async function open({ workspace, fixtures, sizes }: Bench, printers: number): Promise<Site> {
  const server = await startServer(workspace, await fixtures.seeded(printers));
  const client = await startClient(workspace);
  return { printers, stride: Math.max(1, Math.floor(printers / sizes.growthSample)), server, client };
}

/** Round by round over all sizes, and the median for each: what disturbs the machine for a while disturbs them all. */
async function measured(bench: Bench, sites: readonly Site[], name: string, costOf: Cost): Promise<Series> {
  const costs = new Map<number, number[]>(sites.map(({ printers }) => [printers, []]));
  for (let round = -WARM_UP_ROUNDS; round < bench.sizes.growthRounds; round += 1) {
    for (const site of sites) {
      const cost = await costOf(site, round);
      if (round >= 0) costs.get(site.printers)?.push(cost);
    }
  }
  const points = [...costs].map(([printers, all]): [number, number] => [printers, median(all)]);
  log(`  ${name}: ${inWords(points)}`);
  return { name, unit: 'µs', x: { name: 'printers in the database', scale: 'log' }, points };
}

/** Other printers in each round, where there are others. */
function connectCost(bench: Bench): Cost {
  return async ({ server, client, stride }, round) => {
    const { growthSample: count } = bench.sizes;
    const first = (round + WARM_UP_ROUNDS) % stride;
    const { seconds } = await client.ask('connect', connectOrder(bench, server, { first, count, stride }));
    await disconnect(server, client);
    return (seconds / count) * MICROSECONDS;
  };
}

function pageCost({ sizes }: Bench): Cost {
  return async ({ server, client }) => {
    const order = { port: server.port, path: PAGE, maxId: 1, connections: PAGE_CONNECTIONS };
    const { done, seconds } = await client.ask('http', { ...order, seconds: sizes.growthSeconds });
    return (seconds / Math.max(1, done)) * MICROSECONDS;
  };
}

function reportCost({ sizes }: Bench): Cost {
  return async ({ client }) => {
    const order = { seconds: sizes.growthSeconds, window: sizes.progressWindow };
    const { done, seconds } = await client.ask('progress', order);
    return (seconds / Math.max(1, done)) * MICROSECONDS;
  };
}

async function beginUpdates(bench: Bench, { server, client, stride }: Site): Promise<void> {
  await makeOffers(server, 'server');
  const order = { count: bench.sizes.growthSample, stride, awaitUpdate: true };
  await client.ask('connect', connectOrder(bench, server, order));
}

/** The ratio between sizes: the most expensive to the cheapest. */
function toFigure({ name, unit, points }: Series): Figure {
  const costs = points.map(([, cost]) => cost);
  const [value, baseline] = [Math.max(...costs), Math.min(...costs)];
  const ratio = value / baseline;
  const { text, isMet } = ratioAtMost(1.3);
  const label = { name: `${name}, at the dearest size`, unit, note: inWords(points) };
  const figure = alone({ ...label, goal: { text, isMet: () => isMet({ value, ratio }) } }, [{ value }]);
  return { ...figure, baseline, baselineName: 'the same at the cheapest size', ratio };
}

function inWords(points: Series['points']): string {
  return points.map(([printers, cost]) => `${cost.toFixed(0)} µs at ${printers}`).join(', ');
}
