import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs a program that needs rights which a test may not have; null if it worked, else what it said. */
export function attempt(program: string, ...args: string[]): string | null {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error) return error.message;
  return status === 0 ? null : stderr.trim() || `${program} ended with ${status}`;
}

/** A disk of a few MiB, in memory. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** Mounts one; a text says why that cannot be done here. */
  static mount(mebibytes: number): SmallDisk | string {
    const folder = mkdtempSync(join(tmpdir(), 'paperminder-disk-'));
    const refused = attempt('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder);
    if (refused === null) return new SmallDisk(folder);
    rmSync(folder, { recursive: true });
    return refused;
  }

  /** Writes until nothing fits any more. */
  fill(): void {
    const file = openSync(this.filling, 'a');
    try {
      for (const size of [65_536, 4_096, 1]) writeUntilFull(file, Buffer.alloc(size));
    } finally {
      closeSync(file);
    }
  }

  /** Removes what `fill` has written. */
  free(): void {
    rmSync(this.filling, { force: true });
  }

  unmount(): void {
    const refused = attempt('umount', '--lazy', this.folder);
    if (refused !== null) throw new Error(refused);
    rmSync(this.folder, { recursive: true });
  }

  private get filling(): string {
    return join(this.folder, 'filling');
  }
}

function writeUntilFull(file: number, block: Buffer): void {
  for (;;) {
    try {
      if (writeSync(file, block) < block.length) return;
    } catch (error) {
      // Not instanceof: an error of Node's own is none of the realm that jest runs tests in.
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}

/** Why no file in the temporary folder can be made immutable, so that even an open one is not written; null if that works. */
export function whyNotImmutable(): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'paperminder-immutable-'));
  const path = join(folder, 'probe');
  const file = openSync(path, 'w');
  try {
    const refused = attempt('chattr', '+i', path);
    if (refused !== null) return refused;
    try {
      writeSync(file, 'x');
      return 'this file system lets open files be written nevertheless';
    } catch {
      return null;
    } finally {
      attempt('chattr', '-i', path);
    }
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}

/** Says why something is not tested here. */
export function explainSkip(what: string, reason: string): void {
  process.stderr.write(`Skipped: ${what}: ${reason}\n`);
}
