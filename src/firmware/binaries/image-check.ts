import { createHash } from 'node:crypto';
import { sha256Of } from '../../common/digest.js';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Injectable, Logger } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import { CorruptBinaryError, NotFoundError } from '../../common/errors.js';
import { Changes } from '../../database/changes.js';
import { DataPresence } from '../../database/lock/data-presence.js';
import { FirmwareRows } from '../firmware-rows.js';
import { FirmwareStorage } from './firmware-storage.js';
import type { Firmware } from '../firmware.entity.js';

// Bytes per hashed block. A block is hashed in a fraction of a millisecond; the block hashes of a 2 GiB image take 512 KiB.
const BLOCK_BYTES = 128 * 1024;

/** Whether an image was found damaged, or intact again. */
export type ImageChange = 'damaged' | 'mended';

/**
 * Compares images on disk with the hash recorded at their upload, and remembers which are damaged. An image that is too large for memory is
 * read block by block for each download, and each block is checked.
 */
@Injectable()
export class ImageCheck {
  private readonly logger = new Logger(ImageCheck.name);
  /** Block hashes of intact images that do not fit into memory, by the SHA-256 of the image. */
  private readonly blocks = new Map<string, Promise<string[]>>();
  private readonly found = new Map<string, Firmware>();
  private readonly states = new Subject<ImageChange>();

  constructor(
    private readonly rows: FirmwareRows,
    private readonly storage: FirmwareStorage,
    private readonly presence: DataPresence,
    private readonly changes: Changes,
  ) {}

  /** Versions whose image was found damaged or missing, and has not been found intact since; the highest first. */
  async damaged(): Promise<string[]> {
    if (this.found.size === 0) return [];
    const damaged = (await this.rows.all()).filter(({ sha256 }) => this.found.has(sha256));
    return [...new Set(damaged.map(({ version }) => version))];
  }

  /** Number of damaged or missing images. */
  get damagedCount(): number {
    return this.found.size;
  }

  /** Emits when an image is found damaged, and when it is intact again. */
  get changed(): Observable<ImageChange> {
    return this.states.asObservable();
  }

  /** True if the image of a build was found damaged or missing, and has not been found intact since. */
  isDamaged({ sha256 }: Pick<Firmware, 'sha256'>): boolean {
    return this.found.has(sha256);
  }

  /**
   * Reads a whole image and compares it with its hash.
   *
   * @throws CorruptBinaryError if the image is not what was uploaded
   * @throws NotFoundError if the build was deleted in the meantime
   */
  async verify(row: Firmware): Promise<void> {
    await this.readBlocks(row);
  }

  /** Reads the images of some builds, each once, and records which are damaged. */
  async verifyAll(rows: readonly Firmware[]): Promise<void> {
    for (const row of new Map(rows.map((one) => [one.sha256, one])).values()) {
      try {
        await this.verify(row);
      } catch (error) {
        // The damage has already been recorded and logged.
        if (!(error instanceof CorruptBinaryError || error instanceof NotFoundError)) throw error;
      }
    }
  }

  /** Records that the bytes of an image have just been written to disk. */
  written(row: Pick<Firmware, 'sha256' | 'version'>): void {
    this.blocks.delete(row.sha256);
    this.foundWhole(row);
  }

  /** Forgets an image that no row names any more. */
  removed(sha256: string): void {
    this.blocks.delete(sha256);
    this.found.delete(sha256);
  }

  /**
   * Records the hash of an image that was read.
   *
   * @throws CorruptBinaryError if it differs from the hash at the upload
   */
  async compare(row: Firmware, sha256: string): Promise<void> {
    if (sha256 !== row.sha256) throw await this.foundDamaged(row, 'it holds other bytes than were uploaded');
    this.foundWhole(row);
  }

  /**
   * Records that an image cannot be read; returns the error to throw.
   *
   * @throws UnavailableError if the whole uploads folder is missing
   */
  async cannotRead(row: Firmware, error: unknown): Promise<Error> {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    // Any other error (such as too many open files) says nothing about the image.
    if (code !== 'ENOENT') return error as Error;
    // Neither does a missing uploads folder.
    this.presence.requireUploads();
    return this.foundDamaged(row, 'it is missing');
  }

  /**
   * A part of an image as a stream from disk, both ends included. If a block has changed, the stream fails before it emits that block.
   *
   * @throws CorruptBinaryError if the image as a whole is not what was uploaded
   */
  async stream(row: Firmware, start: number, end: number): Promise<Readable> {
    const hashes = this.blocks.get(row.sha256) ?? this.readBlocks(row);
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
          throw await this.foundDamaged(row, 'it has changed on the disk');
        }
        yield block.subarray(Math.max(0, start - from), end + 1 - from);
      }
    } finally {
      await file.close();
    }
  }

  /** Reads a whole image, compares it with its hash, and returns the SHA-256 of each block. */
  private async readBlocks(row: Firmware): Promise<string[]> {
    const whole = createHash('sha256');
    const blocks: string[] = [];
    try {
      const file = await open(this.storage.pathOf(row.sha256));
      try {
        for (;;) {
          const block = await readBlock(file, blocks.length * BLOCK_BYTES);
          if (block.length === 0) break;
          whole.update(block);
          blocks.push(sha256Of(block));
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      throw await this.cannotRead(row, error);
    }
    await this.compare(row, whole.digest('hex'));
    return blocks;
  }

  private foundWhole(row: Pick<Firmware, 'sha256' | 'version'>): void {
    if (!this.found.delete(row.sha256)) return;
    this.logger.log(`The binary of firmware ${row.version} is intact again`);
    this.emit('mended');
  }

  private emit(change: ImageChange): void {
    this.changes.firmwareNow();
    this.states.next(change);
  }

  private async foundDamaged(row: Firmware, how: string): Promise<Error> {
    // The build may have been deleted while its image was read.
    if (!(await this.rows.isNamed(row.sha256)))
      return new NotFoundError(`Firmware version not found: ${row.version}`);
    const isNew = !this.found.has(row.sha256);
    if (isNew)
      this.logger.error(
        `The binary of firmware ${row.version} is damaged, and is not sent to any printer: ${how} (${this.storage.pathOf(row.sha256)})`,
      );
    this.found.set(row.sha256, row);
    if (isNew) this.emit('damaged');
    return new CorruptBinaryError(
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
