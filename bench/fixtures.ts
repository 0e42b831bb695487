import { copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { log } from './log.js';
import { flush, seed } from './seed.js';
import { DATABASE, startServer } from './sides.js';
import { monotonicMs } from './stats.js';
import type { Workspace } from './workspace.js';

/** Databases of several sizes, each created once per run. */
export class Fixtures {
  private readonly made = new Map<number, Promise<string>>();

  constructor(
    private readonly workspace: Workspace,
    private readonly updatesEach: number,
  ) {}

  /** A folder with a database of `printers` printers. It is a copy, so that scenarios do not see each other's changes. */
  async seeded(printers: number): Promise<string> {
    let made = this.made.get(printers);
    if (!made) {
      made = this.make(printers);
      this.made.set(printers, made);
    }
    const original = await made;
    const folder = this.workspace.folder(`seeded-${printers}`);
    const copy = join(folder, DATABASE);
    copyFileSync(original, copy);
    flush(copy);
    return folder;
  }

  private async make(printers: number): Promise<string> {
    const startedAt = monotonicMs();
    const folder = this.workspace.folder(`seed-${printers}`);
    // The server makes its schema when it starts.
    await (await startServer(this.workspace, folder)).stop();
    const file = join(folder, DATABASE);
    await seed(file, printers, this.updatesEach);
    const seconds = ((monotonicMs() - startedAt) / 1_000).toFixed(0);
    const mib = (statSync(file).size / 2 ** 20).toFixed(0);
    log(
      `seeded ${printers} printers and ${printers * this.updatesEach} updates in ${seconds} s (${mib} MiB)`,
    );
    return file;
  }
}
