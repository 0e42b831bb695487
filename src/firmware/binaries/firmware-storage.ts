import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { UnavailableError } from '../../common/errors.js';
import { AppConfig } from '../../config/config.js';
import { DataPresence } from '../../database/sqlite/data-presence.js';
import { AppendedDigest } from './appended-digest.js';

/** A binary that has arrived whole and is on disk, but has no name yet. */
export interface ReceivedBinary {
  temporaryPath: string;
  size: number;
  /** Hexadecimal, lower-case; so also `sha256`. */
  md5: string;
  sha256: string;
  /** The SHA-256 that an ESP32 image carries at its end; null if it carries none. */
  appendedSha256: string | null;
  /** 0 if it is empty. */
  firstByte: number;
}

/** What a sweep has done. */
export interface Swept {
  files: number;
  bytes: number;
  /** Binaries that no row names, and that are older than the database's firmware. */
  foreign: number;
}

const FOLDER_TROUBLE: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']);

// Nothing else in the folder is ours to remove.
const SHA256 = /^[0-9a-f]{64}$/;

/** Keeps binaries as files that are named by their SHA-256: the same bytes are kept once. */
@Injectable()
export class FirmwareStorage implements OnModuleInit {
  private readonly temporaryDir: string;

  constructor(
    private readonly config: AppConfig,
    private readonly presence: DataPresence,
  ) {
    this.temporaryDir = join(config.uploadsDir, 'incoming');
  }

  async onModuleInit(): Promise<void> {
    await mkdir(this.temporaryDir, { recursive: true });
  }

  /**
   * Removes what a crash has left behind: uploads that never arrived whole, and binaries whose row was never written.
   *
   * @param isNamed says whether a row names a binary, by its SHA-256
   * @param since binaries that were published earlier stay: they belong to another database; null keeps all binaries
   * @param before files that were changed later stay: an upload may be under way
   * @returns how many files and bytes were removed, and how many binaries were kept although no row names them
   */
  async sweep(isNamed: (sha256: string) => boolean, since: Date | null, before: Date): Promise<Swept> {
    const incoming = await readdir(this.temporaryDir);
    const published = (await readdir(this.config.uploadsDir)).filter(
      (name) => SHA256.test(name) && !isNamed(name),
    );
    const swept = { files: 0, bytes: 0, foreign: 0 };
    const files = [
      ...incoming.map((name) => ({ path: join(this.temporaryDir, name), since: new Date(0) })),
      ...published.map((name) => ({ path: this.pathOf(name), since })),
    ];
    for (const { path, since: from } of files) {
      const { mtime, size } = await stat(path);
      if (mtime > before) continue;
      if (from === null || mtime < from) {
        swept.foreign += 1;
        continue;
      }
      await rm(path, { recursive: true, force: true });
      swept.files += 1;
      swept.bytes += size;
    }
    return swept;
  }

  /** The size of a published binary in bytes; null if there is none. */
  async sizeOf(sha256: string): Promise<number | null> {
    try {
      return (await stat(this.pathOf(sha256))).size;
    } catch (error) {
      if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT')
        return null;
      throw error;
    }
  }

  /**
   * Writes a stream to a temporary file and computes its hashes on the way; the file is flushed to disk when this
   * resolves, and gone when it rejects.
   */
  async receive(stream: Readable): Promise<ReceivedBinary> {
    this.presence.requireUploads();
    const temporaryPath = join(this.temporaryDir, randomUUID());
    const md5 = createHash('md5');
    const sha256 = createHash('sha256');
    const appended = new AppendedDigest();
    let size = 0;
    let firstByte = 0;
    try {
      const file = await this.create(temporaryPath);
      try {
        // A stream that is destroyed reports that as an error of its own, which would hide why a write has failed.
        const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
        for await (const chunk of chunks) {
          md5.update(chunk);
          sha256.update(chunk);
          appended.update(chunk);
          if (size === 0) firstByte = chunk[0] ?? 0;
          size += chunk.length;
          await file.appendFile(chunk);
        }
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      await rm(temporaryPath, { force: true }).catch(() => undefined);
      throw this.explain(error);
    }
    return {
      temporaryPath,
      size,
      md5: md5.digest('hex'),
      sha256: sha256.digest('hex'),
      appendedSha256: appended.digest(),
      firstByte,
    };
  }

  /** Gives a received binary its final name; resolves once the name, too, is on disk. */
  async publish(binary: ReceivedBinary): Promise<void> {
    try {
      await rename(binary.temporaryPath, this.pathOf(binary.sha256));
      const folder = await open(this.config.uploadsDir, 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    } catch (error) {
      throw this.explain(error);
    }
    // Into a folder that was replaced in the meantime all of this succeeds, too.
    this.presence.requireUploads();
  }

  /** Removes a received binary, if it has not been published. */
  async discard(binary: ReceivedBinary): Promise<void> {
    await rm(binary.temporaryPath, { force: true });
  }

  /** Removes a published binary. */
  async remove(sha256: string): Promise<void> {
    await rm(this.pathOf(sha256), { force: true });
  }

  /** Where a published binary lies. */
  pathOf(sha256: string): string {
    return join(this.config.uploadsDir, sha256);
  }

  private async create(temporaryPath: string): Promise<FileHandle> {
    try {
      return await open(temporaryPath, 'wx');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      // Somebody has tidied up the folder for arriving binaries; it holds nothing that is missed.
      await mkdir(this.temporaryDir);
      return open(temporaryPath, 'wx');
    }
  }

  /** A folder that is gone or closed to the server is no fault of the request. */
  private explain(error: unknown): unknown {
    if (!FOLDER_TROUBLE.has(codeOf(error))) return error;
    this.presence.requireUploads();
    return new UnavailableError(
      `The uploads folder cannot be used at the moment; try again later: ${String(error)}`,
    );
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
