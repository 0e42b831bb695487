import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Program, build, freePort } from './program.js';
import { request } from './server.js';
import type { Answer, Reachable } from './server.js';

/** The real server as a process that can be killed and started again, always on the same port and the same data. */
export class ServerProcess implements Reachable {
  /** Everything that it has logged, over all its lives. */
  log = '';
  private program: Program | null = null;

  private constructor(
    readonly folder: string,
    private readonly port: string,
    private readonly settings: Record<string, string>,
  ) {}

  /** Compiles the server, and starts it on an empty database in a folder of its own. */
  static async start(settings: Record<string, string> = {}): Promise<ServerProcess> {
    await build();
    const folder = await mkdtemp(join(tmpdir(), 'paperminder-process-'));
    const server = new ServerProcess(folder, await freePort(), {
      DATABASE_URL: `sqlite:///${join(folder, 'paperminder.db')}`,
      UPLOADS_DIR: join(folder, 'uploads'),
      ...settings,
    });
    await server.boot();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What the present process has written. */
  get output(): string {
    return this.program?.output ?? '';
  }

  /** Starts it, and waits for nothing. */
  launch(): Program {
    const settings = { HOST: '127.0.0.1', PORT: this.port, ...this.settings };
    this.program = Program.start('main.js', [], settings, this.folder);
    return this.program;
  }

  /** Starts it, and resolves when it listens. */
  async boot(): Promise<void> {
    await this.launch().listening();
  }

  /** Sends a signal; resolves when the process has ended, with its code or signal and how long that took. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<{ end: number | string | null; milliseconds: number }> {
    const { program } = this;
    if (program === null) throw new Error('The server is not running');
    const begun = performance.now();
    program.child.kill(signal);
    const end = await program.exit();
    this.log += program.output;
    this.program = null;
    return { end, milliseconds: performance.now() - begun };
  }

  /** Ends it, and removes what it has written. */
  async stop(): Promise<void> {
    if (this.program !== null) await this.end('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  request<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: object | FormData,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    return request<T>(this.url, method, path, body, headers);
  }
}
