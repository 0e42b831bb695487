import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Unavailable } from '../common/errors.js';
import { AppConfig } from '../config/config.js';
import { DataPresence } from '../database/data-presence.js';
import { AppendedDigest } from './binaries/appended-digest.js';

/** A binary that has arrived whole and is on disk, but has no name yet. */
export interface ReceivedBinary {
  temporaryPath: string;
  size: number;
  /** Hexadecimal, lower-case; so also `sha256`. */
  md5: string;
  sha256: string;
  /** The SHA-256 that an ESP32 image carries at its end; null if it carries none. */
  appendedSha256: string | null;
}

const FOLDER_TROUBLE: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']);

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

  /** Removes what a crash in the middle of an upload has left behind. */
  async onModuleInit(): Promise<void> {
    await mkdir(this.temporaryDir, { recursive: true });
    for (const name of await readdir(this.temporaryDir)) await rm(join(this.temporaryDir, name));
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
    try {
      const file = await this.create(temporaryPath);
      try {
        // A stream that is destroyed reports that as an error of its own, which would hide why a write has failed.
        const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
        for await (const chunk of chunks) {
          md5.update(chunk);
          sha256.update(chunk);
          appended.update(chunk);
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
    return new Unavailable(
      `The uploads folder cannot be used at the moment; try again later: ${String(error)}`,
    );
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
