import { sha256Of } from '../../common/digest.js';
import { readFile } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { FirmwareStorage } from './firmware-storage.js';
import type { Firmware } from '../firmware.entity.js';
import { ImageCheck } from './image-check.js';

// Maximum bytes of cached images: a dozen of the largest that the default settings allow. A rollout sends few images to many printers.
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * The images in use, in memory: one Buffer serves every printer that downloads it, however slow. An image is compared with its hash once,
 * when it is read; the least recently used images are evicted first.
 */
@Injectable()
export class BinaryCache {
  /** Images by SHA-256, the least recently used first. */
  private readonly images = new Map<string, Promise<Buffer>>();
  private readonly sizes = new Map<string, number>();
  private bytes = 0;

  constructor(
    private readonly storage: FirmwareStorage,
    private readonly check: ImageCheck,
  ) {}

  /** True if an image is small enough to be cached. */
  fits(row: Firmware): boolean {
    return row.fileSize <= MAX_BYTES;
  }

  /**
   * The image of a build.
   *
   * @throws CorruptBinaryError if the file is missing, or holds other bytes than were uploaded
   */
  async get(row: Firmware): Promise<Buffer> {
    const { sha256, fileSize } = row;
    const image = this.images.get(sha256) ?? this.read(row);
    if (!this.images.delete(sha256)) {
      this.sizes.set(sha256, fileSize);
      this.bytes += fileSize;
    }
    this.images.set(sha256, image);
    this.makeRoom();
    try {
      return await image;
    } catch (error) {
      // The next request reads the file again, because it may have been restored.
      if (this.images.get(sha256) === image) this.drop(sha256);
      throw error;
    }
  }

  private async read(row: Firmware): Promise<Buffer> {
    const image = await readFile(this.storage.pathOf(row.sha256)).catch(async (error: unknown) => {
      throw await this.check.cannotRead(row, error);
    });
    await this.check.compare(row, sha256Of(image));
    return image;
  }

  private makeRoom(): void {
    for (const sha256 of this.images.keys()) {
      if (this.bytes <= MAX_BYTES) return;
      this.drop(sha256);
    }
  }

  private drop(sha256: string): void {
    this.images.delete(sha256);
    this.bytes -= this.sizes.get(sha256) ?? 0;
    this.sizes.delete(sha256);
  }
}
