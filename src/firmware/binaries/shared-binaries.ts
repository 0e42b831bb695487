import { Injectable } from '@nestjs/common';
import { Mutex } from '../../common/limits/mutex.js';
import { FirmwareRows } from '../firmware-rows.js';
import { FirmwareStorage } from './firmware-storage.js';
import { ImageCheck } from './image-check.js';

/** Guards binaries that rows share: no upload may start to use a binary between the check that no row needs it and its removal. */
@Injectable()
export class SharedBinaries {
  private readonly work = new Mutex();

  constructor(
    private readonly rows: FirmwareRows,
    private readonly storage: FirmwareStorage,
    private readonly images: ImageCheck,
  ) {}

  /** Runs work that adds or removes binaries, one job at a time. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.work.runExclusive(work);
  }

  /** Removes the binaries that no row names. Call it in exclusive work, outside a transaction. */
  async removeUnused(hashes: readonly string[]): Promise<void> {
    for (const sha256 of hashes) {
      // Not in a transaction, which may be what has just failed; every row of exclusive work is committed by now.
      if (await this.rows.isNamed(sha256)) continue;
      await this.storage.remove(sha256);
      this.images.removed(sha256);
    }
  }
}
