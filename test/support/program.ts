import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.js';

const DIST = resolve('node_modules/.cache/paperminder-process-test');
/** The folder of the console that `build` makes. */
export const BUILT_CONSOLE = join(DIST, 'www');

// Milliseconds for a start or a stop. They take 3 s, but several times as long on a loaded machine.
const START_OR_STOP_MS = 60_000;

let built: Promise<unknown> | undefined;

/** Compiles the project for tests that start it as a process; once for all of them, as long as no source changes. */
export async function build(): Promise<void> {
  const args = ['tools/build.js', '--if-changed', '--unchecked', '--out', DIST];
  built ??= promisify(execFile)(process.execPath, args);
  await built;
}

/** A program of the project, as a process of its own; `build` comes first. */
export class Program {
  output = '';
  end: number | string | null | undefined;

  private constructor(readonly child: ChildProcess) {
    child.stdout!.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr!.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.on('exit', (code, signal) => (this.end = code ?? signal));
  }

  /** @param wrapper a command that runs the program, e.g. in a namespace of its own */
  static start(
    script: string,
    args: string[],
    settings: Record<string, string>,
    cwd: string,
    wrapper: string[] = [],
  ): Program {
    const env = { PATH: process.env.PATH, HOME: cwd, ...settings };
    const [command = process.execPath, ...rest] = [
      ...wrapper,
      process.execPath,
      join(DIST, 'src', script),
      ...args,
    ];
    return new Program(spawn(command, rest, { cwd, env }));
  }

  /** Waits until this server listens; fails with its output if it ends instead. */
  async listening(): Promise<void> {
    await eventually(
      'the server listens',
      () => (this.output.includes('Listening on') ? true : this.output),
      (seen) => seen === true || this.end !== undefined,
      START_OR_STOP_MS,
    );
    if (this.end !== undefined) throw new Error(`The server did not start: ${this.output}`);
  }

  /** Waits for the end: the exit code, or the signal that it ended by. */
  async exit(): Promise<number | string | null> {
    await eventually('the program has ended', () => this.end !== undefined, Boolean, START_OR_STOP_MS);
    return this.end ?? null;
  }
}

// Below the ports that systems give to connections and to those who ask for any port: nobody gets one of these by chance, not even
// while the server that it was chosen for restarts.
const LOWEST_PORT = 20_000;
const PORTS = 12_000;

/** A port that nobody listens on. */
export async function freePort(): Promise<string> {
  for (;;) {
    const port = LOWEST_PORT + randomInt(PORTS);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((closed) => probe.close(closed));
    return String(port);
  }
}
