import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { StartupError } from '../common/startup-error.js';
import type { AppConfig } from '../config/config.js';
import { serverFiles } from './server-files.js';
import type { ServerFiles } from './server-files.js';
import { DataLock } from '../database/lock/data-lock.js';
import { refuseNewerSchema } from '../database/sqlite/schema-check.js';
import { PARTIAL, copyExactly, digestOf, moveIntoPlace } from './files.js';
import { readManifest } from './manifest.js';
import type { BackupFile, Manifest } from './manifest.js';

/**
 * Restores a backup to the data paths of the settings. Verifies everything first, overwrites nothing, and restores the database last, so an
 * interrupted restore can be repeated, and no server starts with half of the data.
 *
 * @returns the manifest of the restored backup
 * @throws StartupError if the backup is incomplete or of a newer version, a server uses the data, or there is data already
 */
export async function restore(config: AppConfig, folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder);
  await verify(folder, manifest);
  const files = serverFiles(config);
  const lock = new DataLock(config);
  try {
    await refuseToOverwrite(files, manifest);
    await copyAll(folder, files, manifest);
  } finally {
    lock.release();
  }
  return manifest;
}

/** Refuses a backup of which a file is missing or damaged, and names all of them. */
async function verify(folder: string, { files }: Manifest): Promise<void> {
  const faults: string[] = [];
  for (const { path, bytes, sha256 } of files) {
    const found = await digestOf(join(folder, path));
    if (found === null) faults.push(`The backup is not whole: ${path} is missing`);
    else if (found.sha256 !== sha256 || found.bytes !== bytes)
      faults.push(`The backup is damaged: ${path} does not have the SHA-256 in the manifest`);
  }
  if (faults.length > 0) throw new StartupError(faults.join('\n'));
}

/** Refuses to overwrite anything, and names everything that is in the way. */
async function refuseToOverwrite(files: ServerFiles, manifest: Manifest): Promise<void> {
  const inTheWay = [
    ...[files.database, `${files.database}-wal`].filter((path) => existsSync(path)),
    ...(await otherSecrets(files, manifest)),
    ...(await otherBinaries(files, manifest)),
  ];
  if (inTheWay.length === 0) return;
  const [first] = inTheWay;
  throw new StartupError(
    inTheWay.length === 1
      ? `Nothing is overwritten, and ${first} exists: move it away, or restore elsewhere`
      : `Nothing is overwritten, and these files exist: move them away, or restore elsewhere\n  ${inTheWay.join('\n  ')}`,
  );
}

/** Secrets with other content. An interrupted restore of this backup leaves the same content. */
async function otherSecrets(files: ServerFiles, manifest: Manifest): Promise<string[]> {
  const others: string[] = [];
  for (const file of manifest.files) {
    const path = secretPath(files, file);
    if (path === null || !existsSync(path)) continue;
    if ((await digestOf(path))?.sha256 !== file.sha256) others.push(path);
  }
  return others;
}

/** Binaries in the uploads folder that the backup does not have. */
async function otherBinaries(files: ServerFiles, manifest: Manifest): Promise<string[]> {
  const restored = new Set(manifest.files.map(({ path }) => basename(path)));
  const names = (await readdir(files.uploads)).filter(
    (name) => /^[0-9a-f]{64}$/.test(name) && !restored.has(name),
  );
  return names.sort().map((name) => join(files.uploads, name));
}

async function copyAll(folder: string, files: ServerFiles, manifest: Manifest): Promise<void> {
  await mkdir(files.uploads, { recursive: true });
  for (const file of manifest.files)
    if (file.role === 'binary') await copyOne(folder, file, join(files.uploads, file.sha256));
  for (const file of manifest.files) {
    const path = secretPath(files, file);
    if (path !== null) await copyOne(folder, file, path);
  }
  for (const file of manifest.files) {
    if (file.role !== 'database') continue;
    const arriving = `${files.database}${PARTIAL}`;
    await rm(arriving, { force: true });
    await copyOne(folder, file, arriving);
    try {
      refuseNewerSchema(arriving);
    } catch (error) {
      await rm(arriving);
      throw error;
    }
    await moveIntoPlace(arriving, files.database);
  }
}

async function copyOne(folder: string, { path, sha256 }: BackupFile, target: string): Promise<void> {
  const outcome = await copyExactly(join(folder, path), target, sha256);
  if (outcome === 'damaged') throw new StartupError(`The backup has changed during the restore: ${path}`);
}

/** The target path of a secret in the backup; null for other files. */
function secretPath(files: ServerFiles, { role }: BackupFile): string | null {
  if (role === 'download_secret') return files.downloadSecret;
  return role === 'claim_token' ? files.claimToken : null;
}
