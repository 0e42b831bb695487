import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { median, monotonicMs } from './stats.js';

const FLUSHES = 50;

/** Words about the machine, for beside the figures. */
export function describeMachine(folder: string): string {
  const [first] = cpus();
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  return (
    `${cpus().length} cores (${first?.model ?? 'unknown'}), ${memory} GiB memory, ${type()} ${release()} ${arch()}, ` +
    `Node.js ${process.versions.node}, one flush to disk ${flushMs(folder).toFixed(2)} ms`
  );
}

/** What one flush to the disk costs here: the least that an acknowledged write can take. */
function flushMs(folder: string): number {
  const file = join(folder, 'flush');
  const descriptor = openSync(file, 'w');
  const page = Buffer.alloc(4_096);
  const took = Array.from({ length: FLUSHES }, () => {
    const startedAt = monotonicMs();
    writeSync(descriptor, page);
    fsyncSync(descriptor);
    return monotonicMs() - startedAt;
  });
  closeSync(descriptor);
  unlinkSync(file);
  return median(took);
}
