import { Column, Entity, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import type { Channel } from '../common/channel.js';
import { Instant } from '../database/columns.js';

/** One build of one version, as offered in one channel to one platform. */
@Entity('firmware')
@Unique('uq_firmware_version_channel_platform', ['version', 'channel', 'platform'])
@Index('ix_firmware_channel_version', ['channel', 'versionKey'])
@Index('ix_firmware_sha256', ['sha256'])
export class Firmware {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pk_firmware' })
  id!: number;

  @Column({ type: 'varchar' })
  version!: string;

  /** Sorts by the version's precedence (`versionKey`). */
  @Column({ name: 'version_key', type: 'varchar' })
  versionKey!: string;

  @Column({ type: 'varchar' })
  channel!: Channel;

  /** The boards that the build fits; '' fits every board. Not NULL, because a unique constraint treats NULLs as different. */
  @Column({ type: 'varchar' })
  platform!: string;

  @Column({ name: 'file_size', type: 'integer' })
  fileSize!: number;

  @Column({ type: 'varchar' })
  md5!: string;

  @Column({ type: 'varchar' })
  sha256!: string;

  /** The SHA-256 that an ESP32 image carries in its last 32 bytes, over all bytes before them; null if it carries none. */
  @Column({ name: 'appended_sha256', type: 'varchar', nullable: true })
  appendedSha256!: string | null;

  /** Ed25519 signature over the exact bytes of the binary, base64; null if none was required. */
  @Column({ type: 'varchar', nullable: true })
  signature!: string | null;

  /** Fingerprint of the key that the signature was verified with. Not a foreign key: it stays when the key is removed. */
  @Column({ name: 'signing_key_fingerprint', type: 'varchar', nullable: true })
  signingKeyFingerprint!: string | null;

  @Column({ name: 'release_notes', type: 'text', nullable: true })
  releaseNotes!: string | null;

  @Column({ type: 'text', nullable: true })
  changelog!: string | null;

  @Column({ type: 'boolean' })
  mandatory!: boolean;

  @Column({ name: 'min_upgrade_version', type: 'varchar', nullable: true })
  minUpgradeVersion!: string | null;

  @Instant({ name: 'released_at' })
  releasedAt!: Date;

  @Instant({ name: 'deprecated_at', nullable: true })
  deprecatedAt!: Date | null;

  @Column({ name: 'download_count', type: 'integer' })
  downloadCount!: number;

  @Column({ name: 'success_count', type: 'integer' })
  successCount!: number;

  @Column({ name: 'failure_count', type: 'integer' })
  failureCount!: number;
}
