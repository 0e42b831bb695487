import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasNginx, startNginx } from '../baseline/nginx.js';
import type { Child } from '../child.js';
import { alone, alternate, compared, ratioAtLeast } from '../figure.js';
import type { Figure, Measured, Pair } from '../figure.js';
import { upload } from '../rest.js';
import { measure, withServerOn } from '../scenario.js';
import type { Bench, Outcome, Scenario } from '../scenario.js';
import { startBaseline } from '../sides.js';

const MIB = 2 ** 20;
const PATH = '/api/firmware/download/2.0.0?channel=stable';
// The shared image, and what sockets need: a copy of the image for each reader would be gigabytes.
const SLOW_READERS_LIMIT_MIB = 400;

export const download: Scenario = {
  name: 'download',
  title: 'Downloads of 1 MiB',
  run: async (bench): Promise<Outcome> => {
    const { workspace } = bench;
    const files = workspace.folder('files');
    writeFileSync(join(files, 'firmware.bin'), Buffer.alloc(MIB, 0xe9));
    return withServerOn(bench, workspace.folder('server'), async (server, client) => {
      await upload(server.port, '2.0.0', MIB);
      const own = (): Promise<Measured> => load(bench, client, server.port, PATH, server);
      return {
        figures: [
          await besideNode(bench, client, files, own),
          await besideNginx(bench, client, files, own),
          await slowReaders(bench, client, server),
        ],
      };
    });
  },
};

async function besideNode(
  bench: Bench,
  client: Child,
  files: string,
  own: () => Promise<Measured>,
): Promise<Figure> {
  const { workspace, sizes } = bench;
  const file = join(files, 'firmware.bin');
  const node = await startBaseline(workspace, 'bare-http', workspace.folder('bare-http'), file);
  const pairs = await alternate(sizes.repeats, own, () => load(bench, client, node.port, '/', node));
  await node.stop();
  return compared({ ...label(bench, 'bare node http sending a Buffer'), goal: ratioAtLeast(0.75) }, pairs);
}

async function besideNginx(
  bench: Bench,
  client: Child,
  files: string,
  own: () => Promise<Measured>,
): Promise<Figure> {
  const goal = { ...ratioAtLeast(1), text: 'ahead of nginx' };
  if (!hasNginx()) {
    const missing = label(bench, 'nginx');
    return alone({ ...missing, note: 'nginx is not installed (apt-get install nginx-light)' }, [await own()]);
  }
  const nginx = await startNginx(bench.workspace, files);
  const pairs: Pair[] = await alternate(bench.sizes.repeats, own, () =>
    load(bench, client, nginx.port, '/firmware.bin', null),
  );
  await nginx.stop();
  return compared({ ...label(bench, 'nginx, one process, sendfile'), goal }, pairs);
}

async function load(
  bench: Bench,
  client: Child,
  port: number,
  path: string,
  child: Child | null,
): Promise<Measured> {
  const { downloadClients: clients, downloadRounds: rounds } = bench.sizes;
  const order = { port, path, clients, bytes: MIB };
  await client.ask('download', { ...order, rounds: 1 });
  const run = (): ReturnType<typeof client.ask<'download'>> => client.ask('download', { ...order, rounds });
  if (child) return measure(child, run);
  const { done, failed, seconds, latency, clientCpu } = await run();
  return { value: done / seconds, failed, latency, clientCpu };
}

function label(
  bench: Bench,
  baselineName: string,
): { name: string; unit: string; baselineName: string; note: string } {
  const { downloadClients } = bench.sizes;
  return {
    name: `Download of 1 MiB by ${downloadClients} clients at once, beside ${baselineName.split(',', 1)[0] ?? ''}`,
    unit: 'MiB/s',
    baselineName,
    note: 'a new connection for each, as boards do',
  };
}

async function slowReaders(bench: Bench, client: Child, server: Child): Promise<Figure> {
  const { slowReaders: clients, slowSeconds: seconds } = bench.sizes;
  await server.settledRss();
  await server.reset();
  const { open } = await client.ask('slow', { port: server.port, path: PATH, clients, seconds });
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
