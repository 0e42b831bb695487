import { createServer } from 'node:net';
import { join } from 'node:path';
import { Child } from './child.js';
import { isListening } from './ports.js';
import { isAlive } from './rest.js';
import type { Workspace } from './workspace.js';

// Below the range that the kernel takes clients' ports from (ip_local_port_range), so that none of them is in use.
const FIRST_PORT = 21_000;
const LAST_PORT = 32_000;
let nextPort = FIRST_PORT + (process.pid % 5_000);

/** A free port of 127.0.0.1. */
export async function freePort(): Promise<number> {
  for (;;) {
    nextPort = nextPort >= LAST_PORT ? FIRST_PORT : nextPort + 1;
    const port = nextPort;
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

/** Name of the database file in a server's folder. */
export const DATABASE = 'paperminder.db';

/**
 * Starts the real server, as an operator would, on a folder of its own.
 *
 * @param port the one to come back on after a restart; then it is ready as soon as it listens, for while a fleet comes back,
 *   an answer may take long
 */
export async function startServer(
  workspace: Workspace,
  folder: string,
  settings: Record<string, string> = {},
  port?: number,
): Promise<Child> {
  const chosen = port ?? (await freePort());
  return Child.start(workspace, {
    name: 'server',
    script: 'src/main.js',
    folder,
    port: chosen,
    env: {
      DATABASE_URL: `sqlite:///${join(folder, DATABASE)}`,
      UPLOADS_DIR: join(folder, 'uploads'),
      HOST: '127.0.0.1',
      PORT: String(chosen),
      LOG_LEVEL: 'warn',
      ...settings,
    },
    isReady: port === undefined ? isAlive : isListening,
  });
}

/** Starts a baseline program (bench/baseline); `argument` is the folder or file that it works on. */
export async function startBaseline(
  workspace: Workspace,
  name: 'bare-ws' | 'bare-http' | 'bare-nest',
  folder: string,
  argument: string,
  port?: number,
): Promise<Child> {
  const chosen = port ?? (await freePort());
  const args = [String(chosen), argument];
  return Child.start(workspace, { name, script: `bench/baseline/${name}.js`, args, folder, port: chosen });
}

/** Starts the load client. */
export async function startClient(workspace: Workspace): Promise<Child> {
  const folder = workspace.folder('client');
  return Child.start(workspace, { name: 'client', script: 'bench/client/fleet-client.js', folder, port: 0 });
}
