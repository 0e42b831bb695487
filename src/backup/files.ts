import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Size and SHA-256 (hexadecimal, lower-case) of a file. */
export interface Digest {
  bytes: number;
  sha256: string;
}

/** Reads a whole file; null if there is none. */
export async function digestOf(path: string): Promise<Digest | null> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/**
 * Copies a file, unless the target has the right bytes already. The target either appears complete and is on disk, or is not touched.
 *
 * @returns `kept` or `copied`; `damaged` if the source is missing or holds other bytes
 */
export async function copyExactly(
  source: string,
  target: string,
  sha256: string,
): Promise<'kept' | 'copied' | 'damaged'> {
  if ((await digestOf(target))?.sha256 === sha256) return 'kept';
  const partial = `${target}${PARTIAL}`;
  try {
    await rm(partial, { force: true });
    // Not a hard link, which would share damage between the server's file and the backup.
    await copyFile(source, partial, constants.COPYFILE_FICLONE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'damaged';
    throw error;
  }
  if ((await digestOf(partial))?.sha256 !== sha256) {
    await rm(partial);
    return 'damaged';
  }
  await moveIntoPlace(partial, target);
  return 'copied';
}

/** Writes a file atomically; it is on disk when this resolves. */
export async function writeWhole(target: string, content: string | Buffer): Promise<void> {
  const partial = `${target}${PARTIAL}`;
  await writeFile(partial, content, { mode: OWNER_ONLY });
  await moveIntoPlace(partial, target);
}

/** Renames a finished file; file and name are on disk when this resolves. */
export async function moveIntoPlace(partial: string, target: string): Promise<void> {
  const file = await open(partial, 'r+');
  try {
    await file.chmod(OWNER_ONLY);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, target);
  const folder = await open(dirname(target), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Suffix of files that are being written. */
export const PARTIAL = '.partial';

const OWNER_ONLY = 0o600;
