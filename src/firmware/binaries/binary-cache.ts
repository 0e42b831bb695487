import { sha256Of } from '../../common/digest.js';
import { readFile } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { FirmwareStorage } from './firmware-storage.js';
import type { Firmware } from '../firmware.entity.js';
import { ImageCheck } from './image-check.js';

// Maximum bytes of cached images: a dozen of the largest that the default settings allow. A rollout sends few images to many printers.
const MAX_BYTES = 64 * 1024 * 1024;

/** An image that is in memory, or being read. */
interface CachedImage {
  reading: Promise<Buffer>;
  /** Null until it has been read. */
  bytes: Buffer | null;
  size: number;
}

/**
 * The images in use, in memory: one Buffer serves every printer that downloads it, however slow. An image is compared with its hash once,
 * when it is read; the least recently used images are evicted first.
 */
@Injectable()
export class BinaryCache {
  /** Images by SHA-256, the least recently used first. */
  private readonly images = new Map<string, CachedImage>();
  private bytes = 0;

  constructor(
    private readonly storage: FirmwareStorage,
    private readonly check: ImageCheck,
  ) {}

  /** True if an image is small enough to be cached. */
  fits(row: Firmware): boolean {
    return row.fileSize <= MAX_BYTES;
  }

  /** The image of a build if it is in memory, else null. */
  inMemory(row: Firmware): Buffer | null {
    return this.use(row)?.bytes ?? null;
  }

  /**
   * The image of a build.
   *
   * @throws CorruptBinaryError if the file is missing, or holds other bytes than were uploaded
   */
  async get(row: Firmware): Promise<Buffer> {
    const image = this.use(row) ?? this.add(row);
    try {
      return await image.reading;
    } catch (error) {
      // The next request reads the file again, because it may have been restored.
      if (this.images.get(row.sha256) === image) this.drop(row.sha256);
      throw error;
    }
  }

  private use({ sha256 }: Firmware): CachedImage | undefined {
    const image = this.images.get(sha256);
    if (image === undefined) return undefined;
    this.images.delete(sha256);
    this.images.set(sha256, image);
    return image;
  }

  private add(row: Firmware): CachedImage {
    const image: CachedImage = { reading: this.read(row), bytes: null, size: row.fileSize };
    image.reading.then(
      (bytes) => (image.bytes = bytes),
      () => undefined,
    );
    this.images.set(row.sha256, image);
    this.bytes += image.size;
    this.makeRoom();
    return image;
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
    this.bytes -= this.images.get(sha256)?.size ?? 0;
    this.images.delete(sha256);
  }
}
