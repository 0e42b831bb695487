import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isAnswerTo, isReply, listeningPort } from './ipc.js';
import type { AnswerOf, CommandName, OrderOf, Reply } from './ipc.js';
import { median, monotonicMs, sleep } from './stats.js';
import type { Workspace } from './workspace.js';

const MONITOR = pathToFileURL(join(import.meta.dirname, 'loop-monitor.js')).href;
const START_TIMEOUT_MS = 120_000;
// Milliseconds for a process to stop: the server closes thousands of sockets before it ends.
const STOP_TIMEOUT_MS = 30_000;
const IDLE_SAMPLE_MS = 250;
// Below a tenth of a core.
const IDLE_CPU_MS = 25;
const IDLE_TIMEOUT_MS = 60_000;

/** A program to run in its own process. */
export interface Program {
  name: string;
  /** A module below dist. */
  script: string;
  args?: string[];
  env?: Record<string, string>;
  /** Its working folder. */
  folder: string;
  port: number;
  /** Says whether it takes requests; absent: it says so itself. */
  isReady?: (port: number) => Promise<boolean>;
}

/** A measured process: the server, a baseline, or the load client. */
export class Child {
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private readonly ended: Promise<void>;
  private asked = 0;
  private hasEnded = false;
  private saysReady: () => void = () => undefined;

  private constructor(
    private readonly process: ChildProcess,
    readonly name: string,
    readonly port: number,
    private readonly logFile: string,
  ) {
    this.ended = new Promise((resolve) => {
      process.once('exit', () => {
        this.hasEnded = true;
        for (const [id, answer] of this.waiting) answer({ id, error: `${name} has ended: ${this.log()}` });
        resolve();
      });
    });
    process.on('message', (message: unknown) => this.receive(message));
  }

  /** Starts a program and waits until it is ready. */
  static async start(workspace: Workspace, program: Program): Promise<Child> {
    const { name, script, args = [], env = {}, folder, port } = program;
    const logFile = join(folder, `${name}.log`);
    const log = openSync(logFile, 'a');
    const forked = fork(join(import.meta.dirname, '..', script), args, {
      cwd: folder,
      execArgv: ['--expose-gc', '--import', MONITOR],
      // Nothing of the caller's own settings.
      env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    const child = new Child(forked, name, port, logFile);
    const killable = { kill: () => forked.kill('SIGKILL') };
    workspace.adopt(killable);
    void child.ended.then(() => workspace.release(killable));
    await child.untilReady(program.isReady);
    return child;
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  /** Sends the process a command; see ipc.ts for which process answers which. */
  async ask<K extends CommandName>(name: K, order: OrderOf<K>): Promise<AnswerOf<K>> {
    this.asked += 1;
    const id = this.asked;
    const reply = await new Promise<Reply>((resolve) => {
      if (this.hasEnded) {
        resolve({ id, error: `${this.name} has ended: ${this.log()}` });
        return;
      }
      this.waiting.set(id, resolve);
      this.process.send({ id, name, order });
    });
    if (reply.error !== undefined) throw new Error(`${this.name}: ${name}: ${reply.error}`);
    if (!isAnswerTo<K>(reply.answer)) throw new Error(`${this.name}: ${name}: no answer`);
    return reply.answer;
  }

  /** Peak and present memory in bytes, as the kernel counts it. */
  memory(): { peak: number; rss: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const kib = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
    return { peak: kib('VmHWM') * 1_024, rss: kib('VmRSS') * 1_024 };
  }

  /** Resets peak memory and event-loop delay. */
  async reset(): Promise<void> {
    // proc(5): 5 resets the peak resident set size.
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5');
    await this.ask('reset', {});
  }

  /** Waits until the process is idle. */
  async untilIdle(): Promise<void> {
    const until = monotonicMs() + IDLE_TIMEOUT_MS;
    let before = (await this.ask('read', {})).cpuMs;
    while (monotonicMs() < until) {
      await sleep(IDLE_SAMPLE_MS);
      const { cpuMs } = await this.ask('read', {});
      if (cpuMs - before < IDLE_CPU_MS) return;
      before = cpuMs;
    }
  }

  /** Memory after garbage collection, once the process is idle. */
  async settledRss(): Promise<number> {
    await this.untilIdle();
    const samples = [];
    for (let sample = 0; sample < 3; sample += 1) {
      await this.ask('gc', {});
      await sleep(500);
      samples.push(this.memory().rss);
    }
    return median(samples);
  }

  /** Stops the process as an operator would. */
  async stop(): Promise<void> {
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.ended;
    clearTimeout(timer);
  }

  private receive(message: unknown): void {
    if (listeningPort(message) !== null) this.saysReady();
    if (!isReply(message)) return;
    this.waiting.get(message.id)?.(message);
    this.waiting.delete(message.id);
  }

  private async untilReady(isReady: Program['isReady']): Promise<void> {
    const until = monotonicMs() + START_TIMEOUT_MS;
    let ready = false;
    this.saysReady = () => (ready = true);
    while (monotonicMs() < until) {
      if (this.hasEnded) throw new Error(`${this.name} did not start: ${this.log()}`);
      // Set by a message that came meanwhile.
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition
      if (ready || (isReady && (await isReady(this.port)))) return;
      await sleep(20);
    }
    throw new Error(`${this.name} was not ready in time: ${this.log()}`);
  }

  /** The last lines that the process has written. */
  private log(): string {
    return readFileSync(this.logFile, 'utf8').slice(-2_000);
  }
}
