import { Injectable } from '@nestjs/common';
import { Mutex } from '../../common/limits/mutex.js';
import { Database } from '../../database/database.js';
import type { Table } from '../../database/table.js';
import { FirmwareStorage } from './firmware-storage.js';
import { Firmware } from '../firmware.entity.js';
import { ImageCheck } from './image-check.js';

/** Guards binaries that rows share: no upload may start to use a binary between the check that no row needs it and its removal. */
@Injectable()
export class SharedBinaries {
  private readonly table: Table<Firmware>;
  private readonly work = new Mutex();

  constructor(
    private readonly database: Database,
    private readonly storage: FirmwareStorage,
    private readonly images: ImageCheck,
  ) {
    this.table = database.table(Firmware);
  }

  /** Runs work that adds or removes binaries, one job at a time. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.work.runExclusive(work);
  }

  /** Removes the binaries that no row names. Call it in exclusive work, outside a transaction. */
  async removeUnused(hashes: readonly string[]): Promise<void> {
    for (const sha256 of hashes) {
      // Not in a transaction, which may be what has just failed; every row of exclusive work is committed by now.
      const used = await this.table.find(this.database.committed, 'WHERE sha256 = ?', sha256);
      if (used !== null) continue;
      await this.storage.remove(sha256);
      this.images.removed(sha256);
    }
  }
}
