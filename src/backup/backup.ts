import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { StartupError } from '../common/startup-error.js';
import type { AppConfig } from '../config/config.js';
import { serverFiles } from './server-files.js';
import type { ServerFiles } from './server-files.js';
import { FileLock, LockedError, describeHolder } from '../database/lock/file-lock.js';
import { refuseNewerSchema, requireDatabase } from '../database/sqlite/schema-check.js';
import { VERSION } from '../version.js';
import { PARTIAL, copyExactly, digestOf, moveIntoPlace, writeWhole } from './files.js';
import { MANIFEST } from './manifest.js';
import type { BackupFile, Manifest, MissingBinary } from './manifest.js';

/** The result of a backup. */
export interface BackupResult {
  manifest: Manifest;
  /** Binaries that this run copied; the others were in the folder already. */
  copied: number;
}

const BINARY = /^[0-9a-f]{64}$/;
const DATABASE_FILE = /^database-[0-9a-f]{16}\.db$/;
const SECRET_FILE = /^(?:download-secret|claim-token)-[0-9a-f]{16}$/;
// Maximum attempts. Each further one is caused by a binary that was deleted while the binaries were being copied.
const MAX_SNAPSHOTS = 10;

/**
 * Backs up a server, running or not, into a folder: the database at one moment after the start, every binary that it names, and the secrets
 * beside it. Keeps what the folder has already; an earlier backup in it stays complete until the manifest of this one replaces its
 * manifest, as the last step.
 *
 * @throws StartupError if there is no database, or another backup is being written to the folder
 */
export async function backUp(config: AppConfig, folder: string): Promise<BackupResult> {
  const files = serverFiles(config);
  requireDatabase(files.database);
  refuseNewerSchema(files.database);
  if (isWithin(folder, files.uploads))
    throw new StartupError(`A backup cannot be kept in the uploads folder: ${folder}`);
  await mkdir(join(folder, 'uploads'), { recursive: true, mode: 0o700 });
  const lock = lockBackup(folder);
  try {
    return await new Backup(files, folder).run();
  } finally {
    lock.release();
  }
}

class Backup {
  /** Sizes of the binaries that this run has found or put in the folder, in bytes by SHA-256. */
  private readonly binaries = new Map<string, number>();
  private copied = 0;

  constructor(
    private readonly files: ServerFiles,
    private readonly folder: string,
  ) {}

  async run(): Promise<BackupResult> {
    // Before the database, because a binary that its snapshot names may be deleted right after it.
    for (const name of await readdir(this.files.uploads).catch(() => []))
      if (BINARY.test(name)) await this.keepBinary(name);
    const createdAt = new Date().toISOString();
    const { partial, missing, used } = await this.snapshot();
    const database = await this.place(partial);
    const secrets = [
      await this.keepSecret('download_secret', this.files.downloadSecret, 'download-secret'),
      await this.keepSecret('claim_token', this.files.claimToken, 'claim-token'),
    ];
    const binaries = used.map<BackupFile>((sha256) => ({
      role: 'binary',
      path: `uploads/${sha256}`,
      bytes: this.binaries.get(sha256) ?? 0,
      sha256,
    }));
    const manifest: Manifest = {
      format: 1,
      server_version: VERSION,
      created_at: createdAt,
      files: [database, ...secrets.filter((file) => file !== null), ...binaries],
      missing_binaries: missing,
    };
    await writeWhole(join(this.folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    await this.removeOld(manifest);
    return { manifest, copied: this.copied };
  }

  private async keepBinary(sha256: string): Promise<boolean> {
    if (this.binaries.has(sha256)) return true;
    const target = join(this.folder, 'uploads', sha256);
    const outcome = await copyExactly(join(this.files.uploads, sha256), target, sha256);
    if (outcome === 'damaged') return false;
    if (outcome === 'copied') this.copied += 1;
    this.binaries.set(sha256, (await digestOf(target))?.bytes ?? 0);
    return true;
  }

  /** Copies the database at one moment, and makes sure that the binaries that it names are in the folder. */
  private async snapshot(): Promise<{ partial: string; missing: MissingBinary[]; used: string[] }> {
    const partial = join(this.folder, `database${PARTIAL}`);
    for (let left = MAX_SNAPSHOTS; left > 0; left -= 1) {
      await rm(partial, { force: true });
      const rows = copyDatabase(this.files.database, partial);
      const missing: MissingBinary[] = [];
      for (const row of rows) if (!(await this.keepBinary(row.sha256))) missing.push(row);
      // A binary that was deleted together with its row since the snapshot is not missing: a newer snapshot will not name it.
      const named = new Set(readFirmware(this.files.database).map(({ sha256 }) => sha256));
      if (missing.every(({ sha256 }) => named.has(sha256))) {
        const used = new Set(rows.map(({ sha256 }) => sha256));
        return { partial, missing, used: [...used].filter((sha256) => this.binaries.has(sha256)).sort() };
      }
    }
    throw new StartupError('Firmware is being deleted faster than it can be backed up; try again later');
  }

  /** The file is named by its content, so the database of an earlier backup stays until the manifest names this one. */
  private async place(partial: string): Promise<BackupFile> {
    const digest = await digestOf(partial);
    if (digest === null) throw new Error(`${partial} has disappeared`);
    const path = `database-${digest.sha256.slice(0, 16)}.db`;
    await moveIntoPlace(partial, join(this.folder, path));
    return { role: 'database', path, ...digest };
  }

  private async keepSecret(
    role: 'download_secret' | 'claim_token',
    source: string,
    name: string,
  ): Promise<BackupFile | null> {
    const content = await readFile(source).catch(() => null);
    if (content === null) return null;
    const partial = join(this.folder, `${name}${PARTIAL}`);
    await writeWhole(partial, content);
    const digest = await digestOf(partial);
    if (digest === null) throw new Error(`${partial} has disappeared`);
    const path = `${name}-${digest.sha256.slice(0, 16)}`;
    await moveIntoPlace(partial, join(this.folder, path));
    return { role, path, ...digest };
  }

  /** Removes files that only earlier backups in this folder needed. */
  private async removeOld({ files }: Manifest): Promise<void> {
    const needed = new Set(files.map(({ path }) => path));
    for (const name of await readdir(this.folder))
      if ((DATABASE_FILE.test(name) || SECRET_FILE.test(name)) && !needed.has(name))
        await rm(join(this.folder, name));
    for (const name of await readdir(join(this.folder, 'uploads')))
      if ((BINARY.test(name) || name.endsWith(PARTIAL)) && !needed.has(`uploads/${name}`))
        await rm(join(this.folder, 'uploads', name));
  }
}

/**
 * Copies a database while others may write to it. VACUUM INTO reads it in one transaction, so the copy is its state at one moment; SQLite's
 * backup interface would restart with every commit of the server.
 *
 * @returns the builds that the copy names
 */
function copyDatabase(source: string, target: string): MissingBinary[] {
  const connection = open(source);
  try {
    connection.prepare('VACUUM INTO ?').run(target);
  } finally {
    connection.close();
  }
  const copy = open(target);
  try {
    const found: unknown = copy.pragma('quick_check', { simple: true });
    if (found !== 'ok') throw new StartupError(`The database ${source} is damaged: ${String(found)}`);
  } finally {
    copy.close();
  }
  return readFirmware(target);
}

function readFirmware(path: string): MissingBinary[] {
  const connection = open(path);
  try {
    const sql = 'SELECT version, channel, platform, sha256 FROM firmware ORDER BY id';
    return connection.prepare<[], MissingBinary>(sql).all();
  } finally {
    connection.close();
  }
}

// Opened for writing, although nothing is written: SQLite removes its log only when the last connection that may write closes.
function open(path: string): SqliteDatabase.Database {
  return new SqliteDatabase(path, { fileMustExist: true, timeout: 10_000 });
}

function lockBackup(folder: string): FileLock {
  try {
    return FileLock.acquire(join(folder, '.lock'));
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    throw new StartupError(`Another backup is being written to ${folder}: ${describeHolder(error.holder)}`);
  }
}

function isWithin(path: string, folder: string): boolean {
  return `${resolve(path)}${sep}`.startsWith(`${resolve(folder)}${sep}`);
}
