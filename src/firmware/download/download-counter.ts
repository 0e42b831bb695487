import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { UnavailableError } from '../../common/errors.js';
import { Database } from '../../database/database.js';

// Milliseconds between writes. A write per image would flush to disk for every download of a fleet; a crash loses at most the counts of
// this time.
const WRITE_EVERY_MS = 100;

const COUNT = 'UPDATE firmware SET download_count = download_count + ? WHERE id = ?';

/** Counts downloads, and writes the counts in batches. */
@Injectable()
export class DownloadCounter implements OnModuleDestroy {
  private readonly logger = new Logger(DownloadCounter.name);
  private readonly counts = new Map<number, number>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly database: Database) {}

  /** Counts a download of a build that delivered the last byte. */
  count(firmwareId: number): void {
    this.counts.set(firmwareId, (this.counts.get(firmwareId) ?? 0) + 1);
    this.timer ??= setTimeout(() => void this.write(), WRITE_EVERY_MS);
  }

  onModuleDestroy(): Promise<void> {
    return this.write();
  }

  private async write(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const counts = [...this.counts];
    this.counts.clear();
    if (counts.length === 0) return;
    try {
      await this.database.write(async (tx) => {
        for (const [id, count] of counts) await tx.sql.run(COUNT, count, id);
      });
    } catch (error) {
      // A download that ended while the server was stopping.
      if (error instanceof UnavailableError) return;
      this.logger.error(`Downloads could not be counted, and are counted with the next: ${String(error)}`);
      for (const [id, count] of counts) this.counts.set(id, (this.counts.get(id) ?? 0) + count);
    }
  }
}
