import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartupError } from '../common/startup-error.js';

/** The purpose of a file in a backup. */
export type Role = 'database' | 'download_secret' | 'claim_token' | 'binary';

/** One file of a backup. */
export interface BackupFile {
  role: Role;
  /** Relative to the folder of the backup, with slashes. */
  path: string;
  bytes: number;
  /** Hexadecimal, lower-case. */
  sha256: string;
}

/** A firmware build whose binary was missing or damaged on the server, so that the backup does not contain it. */
export interface MissingBinary {
  version: string;
  channel: string;
  platform: string;
  sha256: string;
}

/** The contents of a backup. It is written last, so a folder without a manifest holds no finished backup. */
export interface Manifest {
  format: 1;
  /** Version of the program that wrote the backup. */
  server_version: string;
  /** When the database was read, ISO 8601, UTC. */
  created_at: string;
  files: BackupFile[];
  missing_binaries: MissingBinary[];
}

/** Name of the manifest in the folder of a backup. */
export const MANIFEST = 'manifest.json';

/**
 * Reads the manifest of a backup.
 *
 * @throws StartupError if there is none, or this program cannot read it
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST);
  const text = await readFile(path, 'utf8').catch(() => {
    throw new StartupError(`There is no finished backup in ${folder}: ${MANIFEST} is missing or unreadable`);
  });
  const manifest = parse(text);
  if (manifest === null || !isManifest(manifest))
    throw new StartupError(
      `${path} is not the manifest of a backup, or one of a newer version of the server`,
    );
  return manifest;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const ROLES: ReadonlySet<unknown> = new Set<Role>(['database', 'download_secret', 'claim_token', 'binary']);
// Matches every path that a backup contains; no such path leads out of the folder.
const SAFE_PATH = /^(?:uploads\/)?[A-Za-z0-9][A-Za-z0-9._-]*$/;
const SHA256 = /^[0-9a-f]{64}$/;

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== 'object' || value === null) return false;
  const { format, files, missing_binaries: missing } = value as Partial<Record<keyof Manifest, unknown>>;
  if (format !== 1 || !Array.isArray(files) || !Array.isArray(missing)) return false;
  return files.every(isFile) && files.filter(({ role }) => role === 'database').length === 1;
}

function isFile(value: unknown): value is BackupFile {
  if (typeof value !== 'object' || value === null) return false;
  const { role, path, bytes, sha256 } = value as Partial<Record<keyof BackupFile, unknown>>;
  return (
    ROLES.has(role) &&
    typeof path === 'string' &&
    SAFE_PATH.test(path) &&
    typeof bytes === 'number' &&
    typeof sha256 === 'string' &&
    SHA256.test(sha256)
  );
}
