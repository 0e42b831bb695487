import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Something that must not outlive the benchmark. */
export interface Killable {
  kill: () => void;
}

/** The temporary folder of a run and its processes; both are gone when it ends, however it ends. */
export class Workspace {
  readonly root = mkdtempSync(join(tmpdir(), 'paperminder-bench-'));
  private readonly running = new Set<Killable>();
  private folders = 0;

  constructor() {
    process.on('exit', () => this.cleanUp());
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => process.exit(130));
  }

  /** A new empty folder. */
  folder(name: string): string {
    this.folders += 1;
    const folder = join(this.root, `${this.folders}-${name}`);
    mkdirSync(folder);
    return folder;
  }

  /** Removes a folder before the end: databases of a million printers are large. */
  remove(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
  }

  /** Makes sure that a process ends with the benchmark. */
  adopt(child: Killable): void {
    this.running.add(child);
  }

  /** A process has ended by itself. */
  release(child: Killable): void {
    this.running.delete(child);
  }

  /** Ends every process that still runs: one that a failure left behind would disturb what comes next. */
  killAll(): void {
    for (const child of this.running) child.kill();
  }

  /** Ends every process and removes every file. */
  private cleanUp(): void {
    this.killAll();
    rmSync(this.root, { recursive: true, force: true, maxRetries: 3 });
  }
}
