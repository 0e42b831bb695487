import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { Clock } from '../../common/clock.js';
import { CorruptBinaryError, NotFoundError, UnavailableError } from '../../common/errors.js';
import { FirmwareRows } from '../firmware-rows.js';
import { FirmwareStorage } from './firmware-storage.js';
import type { Firmware } from '../firmware.entity.js';
import { ImageCheck } from './image-check.js';

/** Minimum age of a file that no row names before it is an orphan, in milliseconds; a younger one may be an upload in progress. */
const ORPHAN_AGE_MS = 60 * 60_000;

/**
 * Checks the images on disk. At startup, before any image is offered: removes orphans, and finds images that are missing or have the wrong
 * size. Every minute: checks the sizes again, and rereads damaged images, because they may have been restored. In the background at
 * startup, and every hour: rereads all images.
 */
@Injectable()
export class ImagePatrol implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('Firmware');
  private stopped = false;

  constructor(
    private readonly rows: FirmwareRows,
    private readonly storage: FirmwareStorage,
    private readonly check: ImageCheck,
    private readonly clock: Clock,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.sweep();
    await this.glance();
    void this.checkAll();
  }

  onModuleDestroy(): void {
    this.stopped = true;
  }

  /** Checks the sizes of all images, and rereads those whose size is wrong or that were damaged. */
  @Cron(CronExpression.EVERY_MINUTE, { waitForCompletion: true })
  async glance(): Promise<void> {
    for (const row of await this.images()) {
      if (this.stopped) return;
      try {
        const size = await this.storage.sizeOf(row.sha256);
        if (size !== row.fileSize || this.check.isDamaged(row)) await this.check.verify(row);
      } catch (error) {
        this.report(row, error);
      }
    }
  }

  /** Rereads all images. */
  @Cron(CronExpression.EVERY_HOUR, { waitForCompletion: true })
  async checkAll(): Promise<void> {
    const images = await this.images();
    for (const row of images) {
      if (this.stopped) return;
      try {
        await this.check.verify(row);
      } catch (error) {
        this.report(row, error);
      }
    }
    this.logger.debug(`Checked ${images.length} binaries, ${this.check.damagedCount} of them damaged`);
  }

  private async sweep(): Promise<void> {
    const rows = await this.rows.all();
    const named = new Set(rows.map(({ sha256 }) => sha256));
    const before = new Date(this.clock.now().getTime() - ORPHAN_AGE_MS);
    // With a new, empty database no binary has a row. An operator who has pointed the server at the wrong database, or lost it, must not
    // lose the binaries as well.
    const first =
      rows.length === 0 ? null : new Date(Math.min(...rows.map((row) => row.releasedAt.getTime())));
    const swept = await this.storage.sweep((sha256) => named.has(sha256), first, before);
    if (swept.files > 0)
      this.logger.log(
        `Removed ${swept.files} files that an interrupted upload had left behind, ${swept.bytes} bytes`,
      );
    if (swept.foreign > 0)
      this.logger.warn(
        `Kept ${swept.foreign} binaries in the uploads folder that are older than all firmware in the database, and unknown to it; ` +
          'check DATABASE_URL and UPLOADS_DIR',
      );
  }

  private async images(): Promise<Firmware[]> {
    return [...new Map((await this.rows.all()).map((row) => [row.sha256, row])).values()];
  }

  private report(row: Firmware, error: unknown): void {
    // A damaged image and a missing folder are logged elsewhere; a failure during a stop says nothing about the image.
    if (error instanceof CorruptBinaryError || error instanceof UnavailableError || this.stopped) return;
    // The build was deleted in the meantime.
    if (error instanceof NotFoundError) return;
    this.logger.error(`The binary of firmware ${row.version} could not be checked: ${String(error)}`);
  }
}
