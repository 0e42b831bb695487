import { Injectable, Logger } from '@nestjs/common';
import type { Channel } from '../common/channel.js';
import { Clock } from '../common/clock.js';
import { ConflictError, ValidationError } from '../common/errors.js';
import type { Transaction } from '../database/transaction.js';
import { Database } from '../database/database.js';
import { SigningKeys } from '../signing/signing-keys.js';
import type { FirmwareSelector } from './firmware-input.js';
import { FirmwareRows, alreadyExists, describe } from './firmware-rows.js';
import type { Firmware } from './firmware.entity.js';

/**
 * Offers builds in another channel. A version names one binary, so the next channel gets exactly the build that was tried in the previous
 * one.
 */
@Injectable()
export class FirmwarePromotion {
  private readonly logger = new Logger('Firmware');

  constructor(
    private readonly rows: FirmwareRows,
    private readonly database: Database,
    private readonly signingKeys: SigningKeys,
    private readonly clock: Clock,
  ) {}

  /**
   * Adds the selected build of each platform to a channel, all or none; a selector without a channel takes each from its most stable
   * channel.
   *
   * @returns the new rows
   * @throws ValidationError if the target channel is the source channel
   * @throws NotFoundError if the selector matches no row
   * @throws ConflictError if the channel has the version, a build is deprecated, or an upload of it would be refused for its signature
   */
  async promote(selector: FirmwareSelector, to: Channel): Promise<Firmware[]> {
    if (selector.channel === to)
      throw ValidationError.field('to', to, `to must be another channel than that of ?channel=${to}`);
    return this.database.write(async (tx) => {
      const sources = firstOfEachPlatform(await this.rows.named(tx.sql, selector));
      const there = (await this.rows.named(tx.sql, { version: selector.version })).filter(
        (row) => row.channel === to,
      );
      const added: Firmware[] = [];
      for (const source of sources) {
        const same = there.find((row) => row.platform === source.platform);
        if (same) throw alreadyExists(same);
        await this.refuse(tx, source);
        added.push(await this.rows.insert(tx, this.copy(source, to), 'firmware.promote'));
      }
      await this.rows.changed(tx, selector.version);
      tx.afterCommit(() => {
        for (const source of sources) this.logger.log(`Promoted ${describe(source)} to ${to}`);
      });
      return added;
    });
  }

  // The binary needs no check: it is never removed while a row names it.
  private copy(source: Firmware, channel: Channel): Omit<Firmware, 'id'> {
    return {
      version: source.version,
      versionKey: source.versionKey,
      channel,
      platform: source.platform,
      fileSize: source.fileSize,
      md5: source.md5,
      sha256: source.sha256,
      appendedSha256: source.appendedSha256,
      signature: source.signature,
      signingKeyFingerprint: source.signingKeyFingerprint,
      releaseNotes: source.releaseNotes,
      changelog: source.changelog,
      mandatory: source.mandatory,
      minUpgradeVersion: source.minUpgradeVersion,
      releasedAt: this.clock.now(),
      deprecatedAt: null,
      downloadCount: 0,
      successCount: 0,
      failureCount: 0,
    };
  }

  private async refuse(tx: Transaction, source: Firmware): Promise<void> {
    if (source.deprecatedAt !== null)
      throw new ConflictError(`The source is deprecated: ${describe(source)} is not offered to printers`);
    const { signingKeyFingerprint } = source;
    if (await this.signingKeys.accepts(tx.sql, signingKeyFingerprint)) return;
    throw new ConflictError(
      `A signature is missing: ${describe(source)} has none by a signing key that is registered; give it one ` +
        `(PATCH /api/firmware/${source.version})`,
    );
  }
}

/** @param rows in the order of `compareRows` */
function firstOfEachPlatform(rows: readonly Firmware[]): Firmware[] {
  const seen = new Map<string, Firmware>();
  for (const row of rows) if (!seen.has(row.platform)) seen.set(row.platform, row);
  return [...seen.values()];
}
