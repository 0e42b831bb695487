import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../sides.js';
import { sleep } from '../stats.js';
import type { Workspace } from '../workspace.js';

const BINARY = '/usr/sbin/nginx';
const START_TRIES = 100;

/** True if nginx is installed (Debian: nginx-light). */
export function hasNginx(): boolean {
  try {
    accessSync(BINARY, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** An nginx that runs. */
export interface Nginx {
  port: number;
  /** Processor time that it has used since it started, in milliseconds. */
  cpuMs: () => number;
  stop: () => Promise<void>;
}

/** Precision of `cpuMs`: proc(5), sysconf(_SC_CLK_TCK), is 100 on every Linux that Node runs on. */
export const TICK_MS = 10;

/** Serves the files of a folder with nginx, in one process as the server is one. */
export async function startNginx(workspace: Workspace, files: string): Promise<Nginx> {
  const folder = workspace.folder('nginx');
  const port = await freePort();
  const config = join(folder, 'nginx.conf');
  mkdirSync(join(folder, 'logs'));
  writeFileSync(config, configuration(folder, files, port));
  const nginx = spawn(BINARY, ['-p', folder, '-c', config, '-e', join(folder, 'error.log')], {
    stdio: 'ignore',
  });
  const killable = { kill: () => nginx.kill('SIGKILL') };
  workspace.adopt(killable);
  const ended = new Promise<void>((resolve) => nginx.once('exit', () => resolve()));
  void ended.then(() => workspace.release(killable));
  for (let turn = 0; turn < START_TRIES && nginx.exitCode === null; turn += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => null);
    if (answer) break;
    await sleep(50);
  }
  if (nginx.exitCode !== null) throw new Error('nginx did not start');
  return {
    port,
    cpuMs: () => cpuMsOf(nginx.pid ?? 0),
    stop: async () => {
      nginx.kill('SIGTERM');
      await ended;
    },
  };
}

/** The fields 14 and 15 of proc(5): time in user mode, and in the kernel. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function configuration(folder: string, files: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join('\n  ');
  return `
daemon off;
master_process off;
pid ${join(folder, 'nginx.pid')};
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  ${temporary}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${files};
  }
}
`;
}
