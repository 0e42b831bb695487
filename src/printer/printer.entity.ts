import { Column, Entity, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import type { Channel } from '../common/channel.js';
import { Instant } from '../database/columns.js';

/** A printer, as it described itself when it last subscribed. */
@Entity('printer')
@Unique('uq_printer_uuid', ['uuid'])
@Index('ix_printer_channel_version', ['updateChannel', 'versionKey'])
@Index('ix_printer_version', ['versionKey'])
@Index('ix_printer_user', ['userId'])
@Index('ix_printer_channel', ['updateChannel'])
// Case-insensitive, which TypeORM cannot declare: the migration creates it.
@Index('ix_printer_name', { synchronize: false })
@Index('ix_printer_blocked_true', ['blocked'], { where: '"blocked" = true' })
@Index('ix_printer_auto_update_false', ['autoUpdate'], { where: '"auto_update" = false' })
@Index('ix_printer_has_problems_true', ['hasProblems'], { where: '"has_problems" = true' })
export class Printer {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pk_printer' })
  id!: number;

  /** Lower-case. */
  @Column({ type: 'varchar' })
  uuid!: string;

  @Column({ type: 'varchar' })
  name!: string;

  /** UUID of the owner, lower-case. */
  @Column({ name: 'user_id', type: 'varchar' })
  userId!: string;

  /** The board, e.g. `esp8266`; null if unknown. */
  @Column({ type: 'varchar', nullable: true })
  platform!: string | null;

  /** Null if what it reported cannot be read as a version. */
  @Column({ name: 'firmware_version', type: 'varchar', nullable: true })
  firmwareVersion!: string | null;

  /** The version as reported, if it cannot be read; otherwise null. */
  @Column({ name: 'reported_version', type: 'varchar', nullable: true })
  reportedVersion!: string | null;

  /** A text that sorts by precedence (`versionKey`); `UNKNOWN_VERSION_KEY` if the version is unknown. */
  @Column({ name: 'version_key', type: 'varchar' })
  versionKey!: string;

  /**
   * The rollout that installed the version that the printer runs; null if none did. Not a foreign key: the number remains when the rollout
   * is deleted, because its printers may be moved back then.
   */
  @Column({ name: 'version_rollout_id', type: 'integer', nullable: true })
  versionRolloutId!: number | null;

  /** The version before the current one; null if unknown. */
  @Column({ name: 'previous_version', type: 'varchar', nullable: true })
  previousVersion!: string | null;

  /** The versions that rollouts have moved it back from, each with the newest rollout that did: `1.5.0@7 1.6.0@9`; null for none. */
  @Column({ name: 'moved_back', type: 'varchar', nullable: true })
  movedBack!: string | null;

  /** Its bucket in gradual rollouts, 0 to 99 (`bucketOf`). */
  @Column({ type: 'integer' })
  bucket!: number;

  @Column({ name: 'auto_update', type: 'boolean' })
  autoUpdate!: boolean;

  @Column({ name: 'update_channel', type: 'varchar' })
  updateChannel!: Channel;

  /** SHA-256 of the first secret that the printer sent (trust on first use); from then on it is required. Null if it has sent none yet. */
  @Column({ name: 'key_hash', type: 'varchar', nullable: true })
  keyHash!: string | null;

  /** True if an operator has blocked it: it may not connect. */
  @Column({ type: 'boolean' })
  blocked!: boolean;

  /** The problems of its last subscribe, as JSON (`problemsOf`); null if there were none. */
  @Column({ type: 'text', nullable: true })
  problems!: string | null;

  /** True if there are `problems`; for the index. */
  @Column({ name: 'has_problems', type: 'boolean' })
  hasProblems!: boolean;

  /** When it last subscribed. */
  @Instant({ name: 'last_connected' })
  lastConnected!: Date;

  @Column({ name: 'last_ip', type: 'varchar', nullable: true })
  lastIp!: string | null;

  @Instant({ name: 'created_at' })
  createdAt!: Date;
}
