import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './eventually.js';

const DIST = resolve('node_modules/.cache/paperminder-process-test');
const BUILT = join(DIST, 'built');
const LOCK = `${DIST}.lock`;
// A build takes a tenth of it: whoever has held the lock for longer was killed.
const STALE_MS = 120_000;

/** Compiles the project for tests that start it as a process; once for all of them, as long as no source changes. */
export async function build(): Promise<void> {
  mkdirSync(dirname(LOCK), { recursive: true });
  for (;;) {
    try {
      mkdirSync(LOCK);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (ageOf(LOCK) > STALE_MS) rmSync(LOCK, { recursive: true, force: true });
      await sleep(100);
    }
  }
  try {
    if (isFresh()) return;
    rmSync(DIST, { recursive: true, force: true });
    const compiler = 'node_modules/typescript/bin/tsc';
    execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--outDir', DIST]);
    const console = ['build', '--config', 'console/vite.config.ts', '--outDir', join(DIST, 'www')];
    execFileSync(process.execPath, ['node_modules/vite/bin/vite.js', ...console, '--logLevel', 'warn']);
    writeFileSync(BUILT, '');
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

function isFresh(): boolean {
  if (!existsSync(BUILT)) return false;
  const built = statSync(BUILT).mtimeMs;
  const sources = ['src', 'migrations', 'console'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  );
  const all = [...sources, 'tsconfig.json', 'tsconfig.build.json', 'package.json'];
  return all.every((file) => statSync(file).mtimeMs < built);
}

function ageOf(path: string): number {
  return existsSync(path) ? Date.now() - statSync(path).mtimeMs : 0;
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

  static start(script: string, args: string[], settings: Record<string, string>, cwd: string): Program {
    const env = { PATH: process.env.PATH, HOME: cwd, ...settings };
    return new Program(spawn(process.execPath, [join(DIST, 'src', script), ...args], { cwd, env }));
  }

  /** Waits for the end: the exit code, or the signal that it ended by. */
  async exit(): Promise<number | string | null> {
    await eventually('the program has ended', () => this.end !== undefined);
    return this.end ?? null;
  }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<string> {
  const probe = createServer();
  await new Promise<void>((ready) => probe.listen(0, ready));
  const free = (probe.address() as AddressInfo).port;
  await new Promise((closed) => probe.close(closed));
  return String(free);
}
