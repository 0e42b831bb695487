import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { UnavailableError } from '../../common/errors.js';
import { AppConfig } from '../../config/config.js';
import { DataPresence } from '../../database/lock/data-presence.js';
import { AppendedDigest } from './appended-digest.js';

/** A completely received binary on disk that has no final name yet. */
export interface ReceivedBinary {
  temporaryPath: string;
  size: number;
  /** Hexadecimal, lower-case, and so is `sha256`. */
  md5: string;
  sha256: string;
  /** The SHA-256 that an ESP32 image carries at its end; null if it carries none. */
  appendedSha256: string | null;
  /** 0 if the binary is empty. */
  firstByte: number;
}

/** The result of a sweep. */
export interface Swept {
  files: number;
  bytes: number;
  /** Binaries that no row names, and that are older than the database's firmware. */
  foreign: number;
}

const FOLDER_TROUBLE: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']);

// Files with other names do not belong to the server, and are never removed.
const SHA256 = /^[0-9a-f]{64}$/;

/** Stores binaries as files named by their SHA-256, so identical bytes are stored once. */
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
   * Removes what a crash has left behind: incomplete uploads, and binaries whose row was never written.
   *
   * @param isNamed whether a row names a binary, by its SHA-256
   * @param since binaries published earlier stay, because they belong to another database; null keeps all binaries
   * @param before files changed later stay, because an upload may be in progress
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
   * Writes a stream to a temporary file, and computes its hashes on the way. The file is flushed to disk when this resolves, and removed
   * when it rejects.
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
        // Destroying the stream would report an error of its own, and hide why the write failed.
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

  /** Gives a received binary its final name; resolves once the name is on disk, too. */
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
    // All of this also succeeds in a folder that was replaced in the meantime.
    this.presence.requireUploads();
  }

  /** Removes a received binary if it has not been published. */
  async discard(binary: ReceivedBinary): Promise<void> {
    await rm(binary.temporaryPath, { force: true });
  }

  /** Removes a published binary. */
  async remove(sha256: string): Promise<void> {
    await rm(this.pathOf(sha256), { force: true });
  }

  /** Path of a published binary. */
  pathOf(sha256: string): string {
    return join(this.config.uploadsDir, sha256);
  }

  private async create(temporaryPath: string): Promise<FileHandle> {
    try {
      return await open(temporaryPath, 'wx');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      // Somebody has deleted the folder for incoming binaries, which holds nothing of value.
      await mkdir(this.temporaryDir);
      return open(temporaryPath, 'wx');
    }
  }

  /** Maps a missing or inaccessible folder to an error of the server: the request is not at fault. */
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
