import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { Damaged } from '../common/errors.js';
import { DataPresence } from '../database/data-presence.js';
import { FirmwareStorage } from './firmware-storage.js';
import type { Firmware } from './firmware.entity.js';
import { FirmwareService } from './firmware.service.js';

// Hashed within a fraction of a millisecond; of an image of 2 GiB the hashes of its blocks are 512 KiB.
const BLOCK_BYTES = 128 * 1024;

/**
 * Checks images on disk against the hash that their upload had, and remembers which are damaged. All are checked once after the
 * start, in the background. One that is too large for memory is read block by block for each download, and each block is checked.
 */
@Injectable()
export class ImageCheck implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ImageCheck.name);
  /** The hashes of the blocks of images that were found whole and do not fit the memory. */
  private readonly blocks = new Map<string, Promise<string[]>>();
  private readonly found = new Map<string, Firmware>();
  private stopped = false;

  constructor(
    private readonly firmware: FirmwareService,
    private readonly storage: FirmwareStorage,
    private readonly presence: DataPresence,
  ) {}

  onApplicationBootstrap(): void {
    void this.checkAll();
  }

  onModuleDestroy(): void {
    this.stopped = true;
  }

  /** The versions whose image was found damaged or missing, and has not been found whole since; the highest first. */
  get damaged(): string[] {
    if (this.found.size === 0) return [];
    const damaged = this.firmware.list().filter(({ sha256 }) => this.found.has(sha256));
    return [...new Set(damaged.map(({ version }) => version))];
  }

  /** True if an image was found damaged or missing, and has not been found whole since. */
  isDamaged({ sha256 }: Firmware): boolean {
    return this.found.has(sha256);
  }

  /** Reads an image from the disk, and says whether it is what was uploaded. */
  async isWhole(row: Firmware): Promise<boolean> {
    try {
      await this.hashBlocks(row);
      return true;
    } catch (error) {
      if (error instanceof Damaged) return false;
      throw error;
    }
  }

  /**
   * Takes in that an image was read, and what its hash is.
   *
   * @throws Damaged where that is another one than it was when it was uploaded
   */
  compare(row: Firmware, sha256: string): void {
    if (sha256 !== row.sha256) throw this.damage(row, 'it holds other bytes than were uploaded');
    if (this.found.delete(row.sha256))
      this.logger.log(`The binary of firmware ${row.version} is whole again`);
  }

  /**
   * Takes in that an image cannot be read; returns the error to throw.
   *
   * @throws Unavailable if the whole uploads folder is gone
   */
  cannotRead(row: Firmware, error: unknown): Error {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    // Anything else (too many open files) says nothing about the image.
    if (code !== 'ENOENT') return error as Error;
    // Nor does a folder that is gone as a whole.
    this.presence.requireUploads();
    return this.damage(row, 'it is missing');
  }

  /**
   * A part of an image, read from the disk, both ends included. Where a block has changed the stream fails before it hands that out.
   *
   * @throws Damaged where the image as a whole is not what was uploaded
   */
  async stream(row: Firmware, start: number, end: number): Promise<Readable> {
    const hashes = this.blocks.get(row.sha256) ?? this.hashBlocks(row);
    this.blocks.set(row.sha256, hashes);
    try {
      return Readable.from(this.read(row, await hashes, start, end));
    } catch (error) {
      this.blocks.delete(row.sha256);
      throw error;
    }
  }

  private async *read(
    row: Firmware,
    hashes: readonly string[],
    start: number,
    end: number,
  ): AsyncGenerator<Buffer> {
    const file = await open(this.storage.pathOf(row.sha256));
    try {
      for (let index = Math.floor(start / BLOCK_BYTES); index * BLOCK_BYTES <= end; index += 1) {
        const from = index * BLOCK_BYTES;
        const block = await readBlock(file, from);
        if (sha256Of(block) !== hashes[index]) {
          this.blocks.delete(row.sha256);
          throw this.damage(row, 'it has changed on the disk');
        }
        yield block.subarray(Math.max(0, start - from), end + 1 - from);
      }
    } finally {
      await file.close();
    }
  }

  private async hashBlocks(row: Firmware): Promise<string[]> {
    const whole = createHash('sha256');
    const hashes: string[] = [];
    try {
      const file = await open(this.storage.pathOf(row.sha256));
      try {
        for (;;) {
          const block = await readBlock(file, hashes.length * BLOCK_BYTES);
          if (block.length === 0) break;
          whole.update(block);
          hashes.push(sha256Of(block));
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      throw this.cannotRead(row, error);
    }
    this.compare(row, whole.digest('hex'));
    return hashes;
  }

  private async checkAll(): Promise<void> {
    const images = new Map(this.firmware.list().map((row) => [row.sha256, row]));
    for (const row of images.values()) {
      if (this.stopped) return;
      try {
        await this.hashBlocks(row);
      } catch (error) {
        // That an image is damaged has been logged already.
        if (!(error instanceof Damaged))
          this.logger.error(`The binary of firmware ${row.version} could not be checked: ${String(error)}`);
      }
    }
    this.logger.debug(`Checked ${images.size} binaries, ${this.found.size} of them damaged`);
  }

  private damage(row: Firmware, how: string): Damaged {
    if (!this.found.has(row.sha256))
      this.logger.error(
        `The binary of firmware ${row.version} is damaged, and is not sent to anybody: ${how} (${this.storage.pathOf(row.sha256)})`,
      );
    this.found.set(row.sha256, row);
    return new Damaged(
      `The binary of firmware ${row.version} is damaged on the disk of the server, and is not sent to anybody: ${how}`,
    );
  }
}

type OpenFile = Awaited<ReturnType<typeof open>>;

async function readBlock(file: OpenFile, position: number): Promise<Buffer> {
  const block = Buffer.alloc(BLOCK_BYTES);
  let length = 0;
  while (length < BLOCK_BYTES) {
    const { bytesRead } = await file.read(block, length, BLOCK_BYTES - length, position + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return block.subarray(0, length);
}

function sha256Of(block: Buffer): string {
  return createHash('sha256').update(block).digest('hex');
}
