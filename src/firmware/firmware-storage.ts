import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { AppConfig } from '../config/config.js';
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

/** Keeps binaries as files that are named by their SHA-256: the same bytes are kept once. */
@Injectable()
export class FirmwareStorage implements OnModuleInit {
  private readonly temporaryDir: string;

  constructor(private readonly config: AppConfig) {
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
    const temporaryPath = join(this.temporaryDir, randomUUID());
    const md5 = createHash('md5');
    const sha256 = createHash('sha256');
    const appended = new AppendedDigest();
    let size = 0;
    try {
      const file = await open(temporaryPath, 'wx');
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
      await rm(temporaryPath, { force: true });
      throw error;
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
    await rename(binary.temporaryPath, this.pathOf(binary.sha256));
    const folder = await open(this.config.uploadsDir, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
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
}
